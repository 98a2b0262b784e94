"""Reading header lines one way.

A line that must stand once stands once, and lists are read whole.
"""

from collections.abc import Iterator
from typing import Final

from multidict import CIMultiDictProxy

from sidecar.core.verdict import Deny, Reason

Headers = CIMultiDictProxy[str]

MOST_COOKIES: Final = 256  # pairs; a browser keeps at most 180 for a site


def find_single(headers: Headers, name: str) -> str | Deny | None:
    """Return the value of a header that may stand once, None where it does not stand."""
    values = headers.getall(name, ())
    if not values:
        return None
    return values[0] if len(values) == 1 else Deny(Reason.HEADER_DOUBLED)


def read_single(headers: Headers, name: str) -> str | Deny:
    """Return the value of a header that must stand once."""
    value = find_single(headers, name)
    return Deny(Reason.HEADER_MISSING) if value is None else value


def has_too_many_cookies(headers: Headers) -> bool:
    """Say whether reading the cookies would cost more than any browser's do."""
    lines = headers.getall("Cookie", ())
    return bool(lines) and sum(line.count(";") + 1 for line in lines) > MOST_COOKIES


def cookie_pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield name and value of each cookie; several `Cookie` lines are one list (RFC 9113 8.2.3)."""
    for line in headers.getall("Cookie", ()):
        for pair in line.split(";"):
            name, equals, value = pair.strip(" \t").partition("=")
            if name or equals:
                yield (name.strip(" \t"), value.strip(" \t")) if equals else ("", name)
