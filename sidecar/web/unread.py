"""A question that could not be read: what is kept of it, and what would have made it one.

So a gateway shows itself that is not set up rightly, and what it said tells how. It is raw text
that a stranger may have written: bounded, and without what may be a secret.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from sidecar.core.facts import LONGEST_AUTHORITY
from sidecar.core.text import printable
from sidecar.core.verdict import Reason
from sidecar.schemas.explanation import list_needs
from sidecar.settings import Dialect
from sidecar.web.asking import Asking
from sidecar.web.gateways import ENVOY_PREFIX, find_peer
from sidecar.web.headers import (
    FORWARDED_HOST,
    FORWARDED_METHOD,
    FORWARDED_PROTO,
    FORWARDED_URI,
    HOST,
    ORIGINAL_METHOD,
    ORIGINAL_URL,
    Headers,
    find_single,
)

LONGEST_METHOD: Final = 32  # characters; no method is longer
LONGEST_TARGET: Final = 256  # characters; what is longer is cut

# The headers that each dialect is read from, which must all stand once.
_FORWARDED: Final = (FORWARDED_METHOD, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_URI)
HEADERS: Final[Mapping[Dialect, tuple[str, ...]]] = {
    Dialect.NGINX: (ORIGINAL_METHOD, ORIGINAL_URL),
    Dialect.TRAEFIK: _FORWARDED,
    Dialect.CADDY: _FORWARDED,
    Dialect.HAPROXY: _FORWARDED,
    Dialect.ENVOY: (HOST, FORWARDED_PROTO),
}

# A query or fragment may hold secrets of an upstream.
_BEHIND_PATH: Final = re.compile(r"[?#].*", re.DOTALL)


class Unread(NamedTuple):
    """What a question said of the request, unjudged; None for what it did not say once.

    `peer` is the address that it came from. `target` has no query.
    """

    dialect: Dialect
    peer: str
    method: str | None
    host: str | None
    target: str | None


def keep_unread(request: Asking, dialect: Dialect) -> Unread:
    """Return what is kept of a question that could not be read."""
    headers = request.headers
    match dialect:
        case Dialect.NGINX:
            method = _find(headers, ORIGINAL_METHOD)
            rest = _find(headers, ORIGINAL_URL).partition("://")[2]
            host, slash, path = _BEHIND_PATH.sub("", rest).partition("/")
            target = slash + path
        case Dialect.ENVOY:
            method, host = request.method, _find(headers, HOST)
            target = request.raw_path.removeprefix(ENVOY_PREFIX)
        case _:
            method, host = _find(headers, FORWARDED_METHOD), _find(headers, FORWARDED_HOST)
            target = _find(headers, FORWARDED_URI)
    # What does not begin with a slash may be a URL, and that may hold a password, as a host may.
    target = _BEHIND_PATH.sub("", target) if target.startswith("/") else ""
    peer = find_peer(request)
    return Unread(
        dialect,
        "a Unix socket" if peer is None else peer or "an unknown address",
        _cut(method, LONGEST_METHOD),
        _cut(host.rpartition("@")[2], LONGEST_AUTHORITY),
        _cut(target, LONGEST_TARGET),
    )


def list_unread_needs(reason: Reason, unread: Unread) -> list[str]:
    """Return what would have made it a question, in words."""
    match reason:
        case Reason.UNTRUSTED_PEER:
            more = f": this one asked from {unread.peer}"
        case Reason.HEADER_MISSING | Reason.HEADER_DOUBLED:
            headers = ", ".join(HEADERS[unread.dialect])
            more = f": that of {unread.dialect} has {headers}, each once"
        case _:
            more = ""
    return [f"{need}{more}" for need in list_needs(reason, None)]


def _find(headers: Headers, name: str) -> str:
    value = find_single(headers, name)
    return value if isinstance(value, str) else ""


def _cut(text: str, longest: int) -> str | None:
    """Return text of at most so many characters, each escaped that a terminal would obey."""
    shown = printable(text[:longest])
    return f"{shown}..." if len(text) > longest else shown or None
