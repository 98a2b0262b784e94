"""Reading header lines in one way: what may stand once is refused twice, lists are read whole."""

from collections.abc import Iterator
from typing import Final

from multidict import CIMultiDictProxy, istr

from sidecar.core.verdict import Deny, Reason

Headers = CIMultiDictProxy[str]

# Names that every question is asked for, in the form that multidict compares: half the price.
AUTHORIZATION: Final = istr("Authorization")
COOKIE: Final = istr("Cookie")
EXPECT: Final = istr("Expect")
FETCH_SITE: Final = istr("Sec-Fetch-Site")
FORWARDED_FOR: Final = istr("X-Forwarded-For")
FORWARDED_HOST: Final = istr("X-Forwarded-Host")
FORWARDED_METHOD: Final = istr("X-Forwarded-Method")
FORWARDED_PROTO: Final = istr("X-Forwarded-Proto")
FORWARDED_URI: Final = istr("X-Forwarded-Uri")
ORIGIN: Final = istr("Origin")
ORIGINAL_METHOD: Final = istr("X-Original-Method")
ORIGINAL_URL: Final = istr("X-Original-URL")
REQUEST_ID_HEADER: Final = istr("X-Request-Id")
UPGRADE: Final = istr("Upgrade")
WEBSOCKET_KEY: Final = istr("Sec-WebSocket-Key")

MOST_COOKIES: Final = 256  # pairs; a browser keeps at most 180 for a site


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


def has_too_many_cookies(headers: Headers) -> bool:
    """Say whether reading the cookies would cost more than any browser's do."""
    if COOKIE not in headers:
        return False
    return sum(line.count(";") + 1 for line in headers.getall(COOKIE)) > MOST_COOKIES


def cookie_pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield name and value of each cookie; several `Cookie` lines are one list (RFC 9113 8.2.3)."""
    for line in headers.getall(COOKIE, ()):
        for pair in line.split(";"):
            name, equals, value = pair.strip(" \t").partition("=")
            if name or equals:
                yield (name.strip(" \t"), value.strip(" \t")) if equals else ("", name)
