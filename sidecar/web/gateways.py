"""How each gateway asks: one function for each dialect, request headers in, RequestFacts out.

A dialect reads its own headers and no others: what a client adds of another family changes nothing.
"""

import socket
from collections.abc import Callable, Mapping
from typing import Final

from sidecar.core.addresses import TrustedProxies
from sidecar.core.facts import (
    Host,
    RequestFacts,
    parse_host,
    parse_method,
    parse_path,
    parse_scheme,
)
from sidecar.core.origin import Site, judge_site
from sidecar.core.verdict import Deny, Reason
from sidecar.settings import Dialect
from sidecar.web.asking import Asking
from sidecar.web.credentials import OWN_COOKIES
from sidecar.web.headers import (
    FETCH_SITE,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_METHOD,
    FORWARDED_PROTO,
    FORWARDED_URI,
    HOST,
    ORIGIN,
    ORIGINAL_METHOD,
    ORIGINAL_URL,
    PREFLIGHT_METHOD,
    UPGRADE,
    WEBSOCKET_KEY,
    Headers,
    find_single,
    has_too_many_cookies,
    read_single,
)
from sidecar.web.parameters import NOTHING_SAID, Parameters, parse_parameters

BROWSER_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
UNKNOWN_PEER: Final = ""  # no address, so nobody's, and trusted by nobody
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
ENVOY_PREFIX: Final = "/verify/envoy"  # what stands behind it is the client's target, as it came


# What a dialect says of the request that is asked about, as text: method, scheme, host, target.
Target = tuple[str, str, str, str]


def read_nginx(request: Asking) -> Target | Deny:
    """Read `X-Original-Method` and the absolute `X-Original-URL`."""
    headers = request.headers
    if isinstance(method := read_single(headers, ORIGINAL_METHOD), Deny):
        return method
    if isinstance(url := read_single(headers, ORIGINAL_URL), Deny):
        return url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return method, scheme, host, slash + path


def read_forwarded(request: Asking) -> Target | Deny:
    """Read `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, as Traefik sends them."""
    headers = request.headers
    if isinstance(method := read_single(headers, FORWARDED_METHOD), Deny):
        return method
    if isinstance(scheme := read_single(headers, FORWARDED_PROTO), Deny):
        return scheme
    if isinstance(host := read_single(headers, FORWARDED_HOST), Deny):
        return host
    if isinstance(target := read_single(headers, FORWARDED_URI), Deny):
        return target
    return method, scheme, host, target


def read_envoy(request: Asking) -> Target | Deny:
    """Read the request itself: its method, `Host`, and its target behind the prefix, undecoded."""
    headers = request.headers
    if isinstance(scheme := read_single(headers, FORWARDED_PROTO), Deny):
        return scheme
    if isinstance(host := read_single(headers, HOST), Deny):
        return host
    if not request.raw_path.startswith(ENVOY_PREFIX):  # spelled in another way, or `/verify` alone
        return Deny(Reason.PATH_AMBIGUOUS)
    return request.method, scheme, host, request.raw_path.removeprefix(ENVOY_PREFIX)


READERS: Final[Mapping[Dialect, Callable[[Asking], Target | Deny]]] = {
    Dialect.NGINX: read_nginx,
    Dialect.TRAEFIK: read_forwarded,
    Dialect.CADDY: read_forwarded,
    Dialect.HAPROXY: read_forwarded,
    Dialect.ENVOY: read_envoy,
}

# Beside which cookies a comma separates too: Envoy asks about several `Cookie` lines as one.
JOINED: Final[Mapping[Dialect, frozenset[str]]] = {
    dialect: OWN_COOKIES if dialect is Dialect.ENVOY else frozenset() for dialect in Dialect
}


def parse_question(
    request: Asking, dialect: Dialect, trusted: TrustedProxies
) -> tuple[RequestFacts, Parameters] | Deny:
    """Return the facts of the request that a gateway asks about, and what its own URL adds.

    What is missing, doubled or could be read in two ways is refused; nothing has a default.
    """
    headers = request.headers
    peer = find_peer(request)
    if not trusted.trust(peer):
        return Deny(Reason.UNTRUSTED_PEER)
    if isinstance(said := READERS[dialect](request), Deny):
        return said
    said_method, said_scheme, said_host, target = said
    if isinstance(method := parse_method(said_method), Deny):
        return method
    if isinstance(scheme := parse_scheme(said_scheme), Deny):
        return scheme
    if isinstance(host := parse_host(said_host), Deny):
        return host
    if isinstance(path := parse_path(target), Deny):
        return path
    forwarded_for = headers.getall(FORWARDED_FOR, ())
    if isinstance(address := trusted.find_client(peer, forwarded_for), Deny):
        return address
    # Where the target is the client's, so is its query.
    is_own = dialect is not Dialect.ENVOY and "?" in request.raw_path
    parameters = parse_parameters(request.raw_path) if is_own else NOTHING_SAID
    if isinstance(parameters, Deny):
        return parameters
    if has_too_many_cookies(headers, JOINED[dialect]):
        return Deny(Reason.HEADER_TOO_LONG)
    site, origin_host = _find_site(headers, scheme, host)
    websocket = _is_websocket(headers, scheme)
    # By position, in their order: by name it takes twice as long.
    facts = RequestFacts(
        method,
        scheme,
        host,
        path,
        target,
        address,
        site,
        origin_host,
        websocket,
        is_preflight(method, headers),
    )
    return facts, parameters


def _find_site(headers: Headers, scheme: str, host: Host) -> tuple[Site, str | None]:
    """Return where a request came from, and the host of its `Origin`."""
    if ORIGIN not in headers and FETCH_SITE not in headers:
        return Site.SAME_ORIGIN, None
    site, origin = read_site(headers, origin_of(scheme, host))
    origin_host = parse_host((origin or "").partition("://")[2])
    return site, None if isinstance(origin_host, Deny) else origin_host.name


def read_site(headers: Headers, own_origin: str) -> tuple[Site, str | None]:
    """Return where a request came from, and its `Origin`; what is doubled came from elsewhere."""
    origin = find_single(headers, ORIGIN)
    fetch_site = find_single(headers, FETCH_SITE)
    if isinstance(origin, Deny) or isinstance(fetch_site, Deny):
        return Site.CROSS_SITE, None
    return judge_site(fetch_site, origin, own_origin), origin


def find_peer(request: Asking) -> str | None:
    """Return the address that the connection comes from, None for a Unix socket."""
    if remote := request.remote:  # empty for a Unix socket
        return remote
    sock = request.get_extra_info("socket")
    return None if sock is not None and sock.family == socket.AF_UNIX else UNKNOWN_PEER


def origin_of(scheme: str, host: Host) -> str:
    """Return the origin as a browser spells it (RFC 6454 section 6.2): no default port."""
    scheme = BROWSER_SCHEMES[scheme]
    default = DEFAULT_PORTS[scheme]
    return f"{scheme}://{host.name}" if host.port in {None, default} else f"{scheme}://{host}"


def is_preflight(method: str, headers: Headers) -> bool:
    """Say whether a browser asks whether a page may ask (Fetch standard, CORS preflight)."""
    return method == "OPTIONS" and ORIGIN in headers and PREFLIGHT_METHOD in headers


def _is_websocket(headers: Headers, scheme: str) -> bool:
    """Say whether this may be a WebSocket handshake (RFC 6455 section 4.1).

    Traefik says http and keeps `Upgrade` to itself, but passes the key on.
    """
    return (
        scheme in {"ws", "wss"}
        or WEBSOCKET_KEY in headers
        or (UPGRADE in headers and "websocket" in ",".join(headers.getall(UPGRADE)).lower())
    )
