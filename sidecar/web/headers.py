"""Reading header lines in one way: what may stand once is refused twice, lists are read whole."""

from collections.abc import Collection, Iterator
from typing import Final

from multidict import CIMultiDictProxy, istr

from sidecar.core.verdict import Deny, Reason

Headers = CIMultiDictProxy[str]

# Names that every question is asked for, in the form that multidict compares: half the price.
ACCEPT: Final = istr("Accept")
AUTHORIZATION: Final = istr("Authorization")
CONTENT_TYPE: Final = istr("Content-Type")
COOKIE: Final = istr("Cookie")
EXPECT: Final = istr("Expect")
FETCH_MODE: Final = istr("Sec-Fetch-Mode")
FETCH_SITE: Final = istr("Sec-Fetch-Site")
FORWARDED_FOR: Final = istr("X-Forwarded-For")
FORWARDED_HOST: Final = istr("X-Forwarded-Host")
FORWARDED_METHOD: Final = istr("X-Forwarded-Method")
FORWARDED_PROTO: Final = istr("X-Forwarded-Proto")
FORWARDED_URI: Final = istr("X-Forwarded-Uri")
HOST: Final = istr("Host")
ORIGIN: Final = istr("Origin")
ORIGINAL_METHOD: Final = istr("X-Original-Method")
ORIGINAL_URL: Final = istr("X-Original-URL")
PREFLIGHT_METHOD: Final = istr("Access-Control-Request-Method")
REQUEST_ID_HEADER: Final = istr("X-Request-Id")
REQUESTED_WITH: Final = istr("X-Requested-With")
UPGRADE: Final = istr("Upgrade")
WEBSOCKET_KEY: Final = istr("Sec-WebSocket-Key")

# Values of ours.
NO_STORE: Final = "no-store"
SERVER: Final = "sidecar"  # without a version

MOST_COOKIES: Final = 256  # pairs; a browser keeps at most 180 for a site
LONGEST_COOKIES: Final = 32_768  # characters of all lines: as many as one of them may have
MOST_COMMAS: Final = 2048  # in all cookies, where each may separate two; half of 4 kB


def find_single(headers: Headers, name: str) -> str | Deny | None:
    """Return the value of a header that may stand once, None where it does not stand."""
    values = headers.getall(name, ())
    if not values:
        return None
    return values[0] if len(values) == 1 else Deny(Reason.HEADER_DOUBLED)


def read_single(headers: Headers, name: str) -> str | Deny:
    """Return the value of a header that must stand once."""
    values = headers.getall(name, ())
    if len(values) == 1:
        return values[0]
    return Deny(Reason.HEADER_DOUBLED if values else Reason.HEADER_MISSING)


def has_too_many_cookies(headers: Headers, joined: Collection[str] = ()) -> bool:
    """Say whether reading the cookies would cost more than any browser's do.

    `joined` is as for `split_cookies`.
    """
    if COOKIE not in headers:
        return False
    lines = headers.getall(COOKIE)
    if sum(map(len, lines)) > LONGEST_COOKIES:
        return True
    if joined and sum(line.count(",") for line in lines) > MOST_COMMAS:
        return True
    return sum(line.count(";") + 1 for line in lines) > MOST_COOKIES


def split_cookies(headers: Headers, joined: Collection[str] = ()) -> Iterator[str]:
    """Yield each cookie as it came; several `Cookie` lines are one list (RFC 9113 8.2.3).

    A gateway that joins those lines by a comma separates so, too, what stands beside a cookie whose
    name is in `joined`. Elsewhere a comma is part of a value.
    """
    for line in headers.getall(COOKIE, ()):
        for text in line.split(";"):
            if joined and "," in text:
                yield from _split_joined(text, joined)
            else:
                yield text.strip(" \t")


def _split_joined(text: str, names: Collection[str]) -> Iterator[str]:
    whole: list[str] = []
    for piece in text.split(","):
        if cookie_name(piece) in names:
            yield ",".join(whole).strip(" \t")
            yield piece.strip(" \t")
            whole = []
        else:
            whole.append(piece)
    yield ",".join(whole).strip(" \t")


def cookie_name(cookie: str) -> str:
    """Return the name of `name=value`; without `=` there is no name (RFC 6265bis section 5.6)."""
    name, equals, _ = cookie.partition("=")
    return name.strip(" \t") if equals else ""
