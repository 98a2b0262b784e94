"""How each gateway asks: one function for each dialect, request headers in, RequestFacts out.

A dialect reads its own headers and no others: what a client adds of another family changes nothing.
"""

import socket
from collections.abc import Callable
from typing import Final, NamedTuple

from sidecar.core.addresses import Address, TrustedProxies
from sidecar.core.facts import (
    Asked,
    Host,
    RequestFacts,
    Said,
    parse_asked,
    parse_host,
)
from sidecar.core.origin import SAFE_METHODS, Site, judge_site
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
    read_single,
)
from sidecar.web.parameters import NOTHING_SAID, Parameters, parse_parameters

BROWSER_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
UNKNOWN_PEER: Final = ""  # no address, so nobody's, and trusted by nobody
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
ENVOY_PREFIX: Final = "/verify/envoy"  # what stands behind it is the client's target, as it came


def read_nginx(request: Asking) -> Said | Deny:
    """Read `X-Original-Method` and the absolute `X-Original-URL`."""
    headers = request.headers
    if isinstance(method := read_single(headers, ORIGINAL_METHOD), Deny):
        return method
    if isinstance(url := read_single(headers, ORIGINAL_URL), Deny):
        return url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return method, scheme, host, slash + path


def read_forwarded(request: Asking) -> Said | Deny:
    """Read `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, as Traefik sends them."""
    getall = request.headers.getall
    try:  # half of what `read_single` takes, four times over
        (method,) = getall(FORWARDED_METHOD)
        (scheme,) = getall(FORWARDED_PROTO)
        (host,) = getall(FORWARDED_HOST)
        (target,) = getall(FORWARDED_URI)
    except KeyError:
        return Deny(Reason.HEADER_MISSING)
    except ValueError:
        return Deny(Reason.HEADER_DOUBLED)
    return method, scheme, host, target


def read_envoy(request: Asking) -> Said | Deny:
    """Read the request itself: its method, `Host`, and its target behind the prefix, undecoded."""
    headers = request.headers
    if isinstance(scheme := read_single(headers, FORWARDED_PROTO), Deny):
        return scheme
    if isinstance(host := read_single(headers, HOST), Deny):
        return host
    if not request.raw_path.startswith(ENVOY_PREFIX):  # spelled in another way, or `/verify` alone
        return Deny(Reason.PATH_AMBIGUOUS)
    return request.method, scheme, host, request.raw_path.removeprefix(ENVOY_PREFIX)


class Manner(NamedTuple):
    """How one dialect asks; `own_query` says whether the query of its target is the operator's.

    `joined` are the cookies beside which a comma separates too.
    """

    dialect: Dialect
    read: Callable[[Asking], Said | Deny]
    own_query: bool = True
    joined: frozenset[str] = frozenset()


MANNERS: Final = (
    Manner(Dialect.NGINX, read_nginx),
    Manner(Dialect.TRAEFIK, read_forwarded),
    Manner(Dialect.CADDY, read_forwarded),
    Manner(Dialect.HAPROXY, read_forwarded),
    # The target is the client's, and so is its query. Several `Cookie` lines are sent as one.
    Manner(Dialect.ENVOY, read_envoy, own_query=False, joined=OWN_COOKIES),
)


def parse_target(request: Asking, manner: Manner, trusted: TrustedProxies) -> Asked | Deny:
    """Return what a gateway asks about, if it is a trusted one.

    What is missing, doubled or could be read in two ways is refused; nothing has a default.
    """
    if not trusted.trust(request.remote or find_peer(request)):
        return Deny(Reason.UNTRUSTED_PEER)
    said = manner.read(request)
    return said if isinstance(said, Deny) else parse_asked(said)


def find_address(request: Asking, trusted: TrustedProxies) -> Address | Deny | None:
    """Return for which address a trusted gateway asks."""
    peer = request.remote or find_peer(request)
    return trusted.find_client(peer, request.headers.getall(FORWARDED_FOR, ()))


def find_parameters(request: Asking, manner: Manner) -> Parameters | Deny:
    """Return what the gateway's own URL adds."""
    return parse_parameters(request.raw_path) if manner.own_query else NOTHING_SAID


def find_facts(headers: Headers, asked: Asked, address: Address | None) -> RequestFacts:
    """Return all facts of a request: with them, from where a browser makes it and for what."""
    site, origin_host = _find_site(headers, asked.scheme, asked.host)
    websocket = _is_websocket(headers, asked.scheme)
    preflight = is_preflight(asked.method, headers)
    return RequestFacts(
        asked.method,
        asked.scheme,
        asked.host,
        asked.path,
        asked.target,
        address,
        site,
        origin_host,
        websocket,
        preflight,
    )


def cannot_be_cross_site(headers: Headers, asked: Asked) -> bool:
    """Say at a glance that no other site makes a browser ask this; False says nothing."""
    if ORIGIN not in headers and FETCH_SITE not in headers:
        return True
    return asked.method in SAFE_METHODS and not _is_websocket(headers, asked.scheme)


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
