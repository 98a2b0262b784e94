"""The pages of the gate's refusals: written once, so that each costs no more than its own id.

They are seen at the hosts that are guarded: all that they load comes from here, and the policy in
their head says so. nginx keeps the bodies of refusals to itself; the other gateways pass them on.
"""

import asyncio
from html import escape
from typing import Final

from sidecar.schemas.texts import DIRECTION, LANGUAGE
from sidecar.web.pages.engine import FOLDER, Pages

# Where the id stands: no text of ours has these signs, which the template leaves as they are.
MARK: Final = "@request-id@"


class RefusedPages:
    """The page of who may not, and the page of who came with two credentials."""

    def __init__(self, forbidden: str, contradicted: str, origin: str) -> None:
        self._forbidden = _cut(forbidden)
        self._contradicted = _cut(contradicted)
        self.headers: Final = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src {origin}; img-src {origin}; base-uri 'none';"
                " form-action 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }

    def render(self, request_id: str, reason: str, *, contradicted: bool) -> bytes:
        """Return the page with this id and reason, whose signs need no escape."""
        before, after = self._contradicted if contradicted else self._forbidden
        return b"%b%b%b" % (before, f"{request_id} ({reason})".encode("ascii"), after)


async def make_refused_pages(pages: Pages, base: str, origin: str) -> RefusedPages:
    """Return the pages in a theme; `base` is the public_url, `origin` that of it.

    They are there from the start, where the engine of the other pages would cost every process
    5 MB and a tenth of a second: so they are filled in by hand.
    """
    theme, style = pages.theme, await pages.stylesheet()
    page = await asyncio.to_thread((FOLDER / "refused.html").read_text, "utf-8")
    static = f"{base}/static"
    link = ""
    if theme.stylesheet is not None:
        href = escape(f"{static}/theme.css?v={theme.stylesheet.etag}")
        link = f'<link rel="stylesheet" href="{href}">\n'

    def write(key: str, path: str) -> str:
        values = {
            "language": theme.texts[LANGUAGE],
            "direction": theme.texts[DIRECTION],
            "site": theme.name,
            "logo": f"{static}/logo?v={theme.logo.etag}",
            "style": f"{static}/sidecar.css?v={style.etag}",
            "title": pages.say(f"refused.{key}_title"),
            "text": pages.say(f"refused.{key}"),
            "request": pages.say("error.request", id=MARK),
            "href": f"{base}{path}",
            "label": pages.say(f"refused.{key}_link"),
        }
        escaped = {name: escape(value) for name, value in values.items()}
        return page.format_map({**escaped, "theme": link})

    return RefusedPages(write("forbidden", "/logout"), write("contradicted", "/login"), origin)


def _cut(page: str) -> tuple[bytes, bytes]:
    before, _, after = page.encode().partition(MARK.encode())
    return before, after
