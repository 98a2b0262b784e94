"""Whether a person looks at the answer: only they are helped by a login page."""

from typing import Final

from aiohttp import web

from sidecar.core.facts import RequestFacts
from sidecar.core.verdict import Deny, Reason
from sidecar.web.headers import UPGRADE, Headers

MODES: Final = frozenset({"api", "browser"})
LONGEST_ACCEPT: Final = 4096  # characters; browsers send two hundred


def read_mode(request: web.BaseRequest) -> str | Deny | None:
    """Return `?mode=`, None where it is left out; any other parameter is a malformed question."""
    if "?" not in request.raw_path:
        return None
    mode = request.query.get("mode")
    if len(request.query) != 1 or mode not in MODES:
        return Deny(Reason.PARAMETER)
    return mode


def is_navigation(request: web.BaseRequest, facts: RequestFacts) -> bool:
    """Say whether a browser asks for a page (Fetch Metadata), or `?mode=` says so by hand."""
    mode, headers = read_mode(request), request.headers
    if mode is not None:
        return mode == "browser"
    if facts.websocket or "X-Requested-With" in headers or UPGRADE in headers:
        return False
    if headers.get("Content-Type", "").lower().startswith("application/grpc"):
        return False
    if facts.method == "OPTIONS" and "Access-Control-Request-Method" in headers:
        return False
    fetch_mode = headers.get("Sec-Fetch-Mode")
    return prefers_html(headers) if fetch_mode is None else fetch_mode == "navigate"


def prefers_html(headers: Headers) -> bool:
    """Say whether `Accept` (RFC 9110 section 12.5.1) names HTML, with no type preferred to it."""
    lines = headers.getall("Accept", ())
    if sum(map(len, lines)) > LONGEST_ACCEPT:
        return False
    best, html = 0.0, 0.0
    for line in lines:
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
