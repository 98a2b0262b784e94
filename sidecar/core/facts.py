"""What is being asked about, in one canonical reading.

What two servers could read differently is refused. Texts come as aiohttp gives header values:
octets that are not UTF-8 stand in them as lone surrogates.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from sidecar.core.addresses import Address
from sidecar.core.cache import BoundedCache
from sidecar.core.origin import Site
from sidecar.core.verdict import Deny, Reason

LONGEST_TARGET: Final = 8192  # characters; the request line that nginx and Apache take by default
LONGEST_HOST: Final = 253  # characters, RFC 1035 section 2.3.4 without the root's dot
LONGEST_AUTHORITY: Final = LONGEST_HOST + 7  # a root dot, a colon and five digits
REMEMBERED: Final = 4096  # readings that are kept: the same few are asked about
LONGEST_REMEMBERED: Final = 256  # characters of such a path: a flood of long ones fills no memory
SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
LARGEST_PORT: Final = 65_535

# A token (RFC 9110 section 9.1) without lower case: methods are case-sensitive and those that exist
# have none, but there are servers that read `post` as POST.
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]{1,32}", re.ASCII)
# They ask for a tunnel, which has no path, and for an echo of what the gateway adds: no application
# behind a gateway needs either.
_NEVER: Final = frozenset({"CONNECT", "TRACE"})
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMERIC_LABEL: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?", re.ASCII)

# A path that every server reads alike: no empty, `.` or `..` segment, only characters that mean
# themselves.
_PLAIN_PATH: Final = re.compile(
    r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~!$&'()*+,=:@-]+)*/?", re.ASCII
)
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Encoded: slash, backslash, dot, semicolon, and a percent sign that begins another escape.
_TWO_READINGS: Final = re.compile(r"%(?:2f|5c|2e|3b)|%25[0-9a-f]{2}", re.IGNORECASE)
# An escape that was itself escaped, in whatever spelling (`%25%32e`): who decodes twice reads on.
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Host:
    """A host in canonical form: lower case, no root dot, IPv6 in brackets and compressed.

    `port` is None where none was given.
    """

    name: str
    port: int | None

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name}:{self.port}"


@dataclass(slots=True)
class Asked:
    """What is asked about, whoever asks: the first five of its RequestFacts.

    `noted` is what a policy last found of it, and `noted_by` that policy's mark.
    """

    method: str
    scheme: str
    host: Host
    path: str
    target: str
    noted: object = field(default=None, init=False, compare=False, repr=False)
    noted_by: object = field(default=None, init=False, compare=False, repr=False)


class RequestFacts(NamedTuple):
    """One request that the gateway asks about.

    `path` is canonical and decoded; `target` is path and query as the client sent them, for the way
    back after a login. `address` is None where it is not known. `preflight` says whether this is a
    true CORS preflight.
    """

    method: str
    scheme: str
    host: Host
    path: str
    target: str
    address: Address | None
    site: Site
    origin_host: str | None
    websocket: bool
    preflight: bool

    @property
    def url(self) -> str:
        """The address that was asked for, in ASCII, as a browser spells it.

        An octet beyond ASCII that came unescaped is escaped, so that it comes back the same.
        """
        scheme = {"ws": "http", "wss": "https"}.get(self.scheme, self.scheme)
        target = quote(self.target, safe=_VISIBLE, errors="surrogateescape")
        return f"{scheme}://{self.host}{target}"


# What a gateway says of a request, as text: method, scheme, host, target.
Said = tuple[str, str, str, str]


def parse_asked(said: Said) -> Asked | Deny:
    """Return the canonical reading of what a gateway says of a request."""
    known = _READINGS.get(said)
    if known is None:
        known = _read_asked(*said)
        if sum(map(len, said)) <= LONGEST_REMEMBERED:
            if isinstance(known, Asked):  # what is refused may be anything, and pushes out nothing
                said = known.method, known.scheme, _share(said[2]), said[3]
            _READINGS.put(said, known)
    return known


def _read_asked(said_method: str, said_scheme: str, said_host: str, target: str) -> Asked | Deny:
    if isinstance(method := parse_method(said_method), Deny):
        return method
    if isinstance(scheme := parse_scheme(said_scheme), Deny):
        return scheme
    if isinstance(host := parse_host(said_host), Deny):
        return host
    if isinstance(path := parse_path(target), Deny):
        return path
    return Asked(_share(method), _share(scheme), host, path, target)


# What most readings have in common is one object for them, which a processor has at hand.
_share: Final = lru_cache(maxsize=REMEMBERED // 4)(str)
_READINGS: Final[BoundedCache[Said, Asked | Deny]] = BoundedCache(REMEMBERED // 2)


def parse_method(text: str) -> str | Deny:
    """Return the method (RFC 9110 section 9.1)."""
    if _METHOD.fullmatch(text) is None or text in _NEVER:
        return Deny(Reason.METHOD_MALFORMED)
    return text


def parse_scheme(text: str) -> str | Deny:
    """Return the scheme, one of `SCHEMES`."""
    return text if text in SCHEMES else Deny(Reason.SCHEME_MALFORMED)


def parse_host(text: str) -> Host | Deny:
    """Return the host and port of an authority without user information (RFC 9110 section 7.2)."""
    if len(text) > LONGEST_AUTHORITY:  # before it is remembered
        return Deny(Reason.HOST_MALFORMED)
    return _read_host(text)


@lru_cache(maxsize=REMEMBERED)
def _read_host(text: str) -> Host | Deny:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return Deny(Reason.HOST_MALFORMED)
    name = _canonical_name(match[1])
    port = int(match[2]) if match[2] else None
    if name is None or port == 0 or (port or 0) > LARGEST_PORT:
        return Deny(Reason.HOST_MALFORMED)
    return Host(name, port)


def _canonical_name(text: str) -> str | None:
    if text.startswith("["):
        try:
            return f"[{IPv6Address(text[1:-1]).compressed}]"
        except ValueError:
            return None
    if not text.isascii():  # before lower(): the Kelvin sign becomes an ASCII k
        return None
    name = text.lower().removesuffix(".")
    if len(name) > LONGEST_HOST or _NAME.fullmatch(name) is None:
        return None
    # A name whose last label is a number is an IPv4 address to a browser (`127.1`, `0x7f.1`): one
    # spelling only.
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            return None
    return name


def parse_path(target: str) -> str | Deny:
    """Return the canonical, decoded path of a target in origin form (RFC 9112 section 3.2.1)."""
    if len(target) > LONGEST_TARGET or not target.startswith("/"):
        return Deny(Reason.PATH_AMBIGUOUS)
    raw, _, query = target.partition("?")
    if query and (_CONTROL.search(query) or " " in query):
        return Deny(Reason.PATH_AMBIGUOUS)
    return _recall_path(raw) if len(raw) <= LONGEST_REMEMBERED else _read_path(raw)


def _read_path(raw: str) -> str | Deny:
    return raw if _PLAIN_PATH.fullmatch(raw) else _decode_path(raw)


_recall_path: Final = lru_cache(maxsize=REMEMBERED)(_read_path)


def _decode_path(raw: str) -> str | Deny:
    if (
        _BROKEN_ESCAPE.search(raw)
        or _TWO_READINGS.search(raw)
        or any(mark in raw for mark in '\\;#? "<>^`{|}')
    ):
        return Deny(Reason.PATH_AMBIGUOUS)
    try:
        path = unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeError:
        return Deny(Reason.PATH_AMBIGUOUS)
    segments = path.split("/")[1:]
    if (
        _CONTROL.search(path)
        or _ESCAPE.search(path)
        or any(segment in {".", ".."} for segment in segments)
        or "" in segments[:-1]
    ):
        return Deny(Reason.PATH_AMBIGUOUS)
    return path
