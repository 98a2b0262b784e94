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
    match headers.getall(name, ()):
        case []:
            return None
        case [value]:
            return value
        case ():
            return None
        case _:
            return Deny(Reason.HEADER_DOUBLED)


def read_single(headers: Headers, name: str) -> str | Deny:
    """Return the value of a header that must stand once."""
    value = find_single(headers, name)
    return Deny(Reason.HEADER_MISSING) if value is None else value


def cookie_pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield name and value of each cookie; several `Cookie` lines are one list (RFC 9113 8.2.3)."""
    for line in headers.getall("Cookie", ()):
        for pair in line.split(";"):
            name, equals, value = pair.strip(" \t").partition("=")
            if name or equals:
                yield (name.strip(" \t"), value.strip(" \t")) if equals else ("", name)


def prefers_html(headers: Headers) -> bool:
    """Say whether `Accept` (RFC 9110 section 12.5.1) names HTML, and nothing else before it."""
    best, html = 0.0, 0.0
    for line in headers.getall("Accept", ()):
        for item in line.split(","):
            media, _, parameters = item.partition(";")
            quality = _quality(parameters)
            media = media.strip().lower()
            if media in {"text/html", "application/xhtml+xml"}:
                html = max(html, quality)
            elif media not in {"*/*", "text/*"}:
                best = max(best, quality)
    return html > 0 and html >= best


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
