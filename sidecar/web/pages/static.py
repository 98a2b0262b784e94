"""The files that pages load: they may be kept, and a new one has another address."""

from typing import Final

from aiohttp import web

from sidecar.web.context import CONTEXT
from sidecar.web.headers import SERVER
from sidecar.web.pages.theme import Asset

ASSET_MAX_AGE: Final = 3600  # seconds; pages name the version, whoever else asks may wait an hour


async def get_stylesheet(request: web.Request) -> web.Response:
    """Answer with our own stylesheet."""
    return _answer(request, await request.app[CONTEXT].pages.stylesheet())


async def get_theme(request: web.Request) -> web.Response:
    """Answer with the operator's stylesheet. Raises HTTPNotFound where there is none."""
    stylesheet = request.app[CONTEXT].pages.theme.stylesheet
    if stylesheet is None:
        raise web.HTTPNotFound
    return _answer(request, stylesheet)


async def get_logo(request: web.Request) -> web.Response:
    """Answer with the logo; opened by itself an SVG does nothing either."""
    answer = _answer(request, request.app[CONTEXT].pages.theme.logo)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    return answer


def _answer(request: web.Request, asset: Asset) -> web.Response:
    headers = {
        "Cache-Control": f"public, max-age={ASSET_MAX_AGE}",
        "ETag": f'"{asset.etag}"',
        "Server": SERVER,
        "X-Content-Type-Options": "nosniff",
        # The refusals of the gate are seen at other hosts, and show the logo too.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if any(tag.value in {asset.etag, "*"} for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    charset = "utf-8" if asset.media_type == "text/css" else None
    return web.Response(
        body=asset.body, content_type=asset.media_type, charset=charset, headers=headers
    )
