"""Whether a person looks at the answer: only they are helped by a login page."""

from functools import lru_cache
from typing import Final

from sidecar.core.facts import RequestFacts
from sidecar.web.headers import (
    ACCEPT,
    CONTENT_TYPE,
    FETCH_MODE,
    PREFLIGHT_METHOD,
    REQUESTED_WITH,
    UPGRADE,
    Headers,
)
from sidecar.web.parameters import Mode

LONGEST_ACCEPT: Final = 4096  # characters of all lines; browsers send two hundred
REMEMBERED: Final = 128  # lines of it, whose qualities are kept: browsers have a few
LONGEST_REMEMBERED: Final = 512  # characters of such a line
HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
ANYTHING: Final = frozenset({"*/*", "text/*"})


def is_navigation(headers: Headers, facts: RequestFacts, mode: Mode | None) -> bool:
    """Say whether a browser asks for a page (Fetch Metadata), or `mode` says so by hand."""
    if mode is not None:
        return mode is Mode.BROWSER
    if facts.websocket:
        return False
    if facts.method == "OPTIONS" and PREFLIGHT_METHOD in headers:
        return False
    if headers.get(CONTENT_TYPE, "").lower().startswith("application/grpc"):
        return False
    return wants_page(headers)


def wants_page(headers: Headers) -> bool:
    """Say whether whoever asks shows the answer to a person."""
    if REQUESTED_WITH in headers or UPGRADE in headers:
        return False
    modes = headers.getall(FETCH_MODE, ())
    return all(each == "navigate" for each in modes) if modes else prefers_html(headers)


def prefers_html(headers: Headers) -> bool:
    """Say whether `Accept` (RFC 9110 section 12.5.1) names HTML, with no type preferred to it."""
    line = ",".join(headers.getall(ACCEPT, ()))
    if len(line) > LONGEST_ACCEPT:
        return False
    read = _recall_qualities if len(line) <= LONGEST_REMEMBERED else _read_qualities
    html, best = read(line)
    return html > 0 and html >= best


def _read_qualities(line: str) -> tuple[float, float]:
    """Return the best quality of HTML in an `Accept`, and that of any other one type."""
    best, html = 0.0, 0.0
    for item in line.split(","):
        media, _, parameters = item.partition(";")
        quality = _quality(parameters)
        media = media.strip().lower()
        if media in HTML:
            html = max(html, quality)
        elif media not in ANYTHING:
            best = max(best, quality)
    return html, best


_recall_qualities: Final = lru_cache(maxsize=REMEMBERED)(_read_qualities)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
