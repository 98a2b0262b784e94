"""How each gateway asks: one function for each dialect, request headers in, RequestFacts out.

A dialect reads its own headers and no others: what a client adds of another family changes nothing.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from aiohttp import web

from sidecar.core.facts import (
    Address,
    Host,
    Network,
    RequestFacts,
    find_client_address,
    is_trusted,
    parse_address,
    parse_host,
    parse_method,
    parse_path,
    parse_scheme,
)
from sidecar.core.origin import Site, judge_site
from sidecar.core.verdict import Deny, Reason
from sidecar.settings import Dialect
from sidecar.web.headers import Headers, find_single, prefers_html, read_single

MODES: Final = frozenset({"api", "browser"})
BROWSER_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
UNKNOWN_PEER: Final = IPv6Address("::")  # the unspecified address: nobody's, so trusted by nobody
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """What a dialect says of the request that the gateway asks about, still as text."""

    method: str
    scheme: str
    host: str
    target: str


def read_nginx(headers: Headers) -> Target | Deny:
    """Read `X-Original-Method` and the absolute `X-Original-URL`."""
    method = read_single(headers, "X-Original-Method")
    if isinstance(method, Deny):
        return method
    url = read_single(headers, "X-Original-URL")
    if isinstance(url, Deny):
        return url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return Target(method, scheme, host, slash + path)


def read_forwarded(headers: Headers) -> Target | Deny:
    """Read `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, as Traefik sends them."""
    values = []
    for name in ("X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"):
        value = read_single(headers, name)
        if isinstance(value, Deny):
            return value
        values.append(value)
    return Target(*values)


READERS: Final[Mapping[Dialect, Callable[[Headers], Target | Deny]]] = {
    Dialect.NGINX: read_nginx,
    Dialect.TRAEFIK: read_forwarded,
}


def parse_question(
    request: web.Request, dialect: Dialect, trusted: Sequence[Network]
) -> RequestFacts | Deny:
    """Return the facts of the request that a gateway asks about.

    What is missing, doubled or could be read in two ways is refused; nothing has a default.
    """
    headers = request.headers
    peer = find_peer(request)
    if peer is not None and not is_trusted(peer, trusted):
        return Deny(Reason.UNTRUSTED_PEER)
    if isinstance(said := READERS[dialect](headers), Deny):
        return said
    if isinstance(method := parse_method(said.method), Deny):
        return method
    if isinstance(scheme := parse_scheme(said.scheme), Deny):
        return scheme
    if isinstance(host := parse_host(said.host), Deny):
        return host
    if isinstance(path := parse_path(said.target), Deny):
        return path
    forwarded_for = headers.getall("X-Forwarded-For", ())
    if isinstance(address := find_client_address(peer, forwarded_for, trusted), Deny):
        return address
    if isinstance(mode := read_mode(request), Deny):
        return mode
    upgrade = headers.get("Upgrade")
    websocket = scheme in {"ws", "wss"} or (upgrade or "").strip().lower() == "websocket"
    site, origin = read_site(headers, origin_of(scheme, host))
    return RequestFacts(
        method=method,
        scheme=scheme,
        host=host,
        path=path,
        target=said.target,
        address=address,
        site=site,
        origin_host=_host_of(origin),
        websocket=websocket,
        navigation=mode == "browser" if mode else _is_navigation(headers, method),
    )


def read_site(headers: Headers, own_origin: str) -> tuple[Site, str | None]:
    """Return where a request came from, and its `Origin`; what is doubled came from elsewhere."""
    origin = find_single(headers, "Origin")
    fetch_site = find_single(headers, "Sec-Fetch-Site")
    if isinstance(origin, Deny) or isinstance(fetch_site, Deny):
        return Site.CROSS_SITE, None
    return judge_site(fetch_site, origin, own_origin), origin


def find_peer(request: web.BaseRequest) -> Address | None:
    """Return the address that the connection comes from, None for a Unix socket."""
    if request.remote:
        return parse_address(request.remote) or UNKNOWN_PEER
    sock = request.get_extra_info("socket")
    return None if sock is not None and sock.family == socket.AF_UNIX else UNKNOWN_PEER


def origin_of(scheme: str, host: Host) -> str:
    """Return the origin as a browser spells it (RFC 6454 section 6.2): no default port."""
    scheme = BROWSER_SCHEMES[scheme]
    default = DEFAULT_PORTS[scheme]
    return f"{scheme}://{host.name}" if host.port in {None, default} else f"{scheme}://{host}"


def read_mode(request: web.BaseRequest) -> str | Deny | None:
    """Return `?mode=`, None where it is left out; any other parameter is a malformed question."""
    if not request.query_string:
        return None
    mode = request.query.get("mode")
    if len(request.query) != 1 or mode not in MODES:
        return Deny(Reason.PARAMETER)
    return mode


def _is_navigation(headers: Headers, method: str) -> bool:
    """Say whether a person looks at the answer: only they are helped by a login page."""
    if "X-Requested-With" in headers or "Upgrade" in headers:
        return False
    if headers.get("Content-Type", "").lower().startswith("application/grpc"):
        return False
    if method == "OPTIONS" and "Access-Control-Request-Method" in headers:
        return False
    fetch_mode = headers.get("Sec-Fetch-Mode")
    return prefers_html(headers) if fetch_mode is None else fetch_mode == "navigate"


def _host_of(origin: str | None) -> str | None:
    host = parse_host((origin or "").partition("://")[2])
    return None if isinstance(host, Deny) else host.name
