"""Where a browser was when it made a request (Fetch Metadata, RFC 6454)."""

from enum import StrEnum
from typing import Final

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Site(StrEnum):
    """How the page that made a request stands to its target."""

    SAME_ORIGIN = "same-origin"
    SAME_SITE = "same-site"
    CROSS_SITE = "cross-site"


def judge_site(fetch_site: str | None, origin: str | None, own_origin: str) -> Site:
    """Return where a request to `own_origin` (`scheme://host[:port]`) came from.

    `Sec-Fetch-Site` decides where it is sent: scripts cannot set it. `none` is the person's own
    doing (a typed address, a bookmark). Without it `Origin` decides; programs that are no browsers
    send neither, and bear no foreign cookies. Browsers of before 2020 may send neither, too: our
    own endpoints ask for more then (docs/decisions/0004).
    """
    match fetch_site:
        case "same-origin" | "none":
            return Site.SAME_ORIGIN
        case "same-site":
            return Site.SAME_SITE
        case None:
            same = origin is None or origin.lower() == own_origin
            return Site.SAME_ORIGIN if same else Site.CROSS_SITE
        case _:
            return Site.CROSS_SITE
