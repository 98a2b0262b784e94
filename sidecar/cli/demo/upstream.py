"""The application of the demo: it knows who asks only from the headers that the gateway adds."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.schemas.defaults import ASSERTION
from sidecar.schemas.identity import IDENTITY

SHOWN: Final = (*IDENTITY, ASSERTION)


def make_upstream(logout_url: str) -> web.Application:
    """Return an application that shows what it received."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    page = templates.get_template("upstream.html")

    async def show(request: web.Request) -> web.Response:
        values = [(name, unquote(request.headers.get(name, ""))) for name in SHOWN]
        text = page.render(
            path=request.path,
            user=unquote(request.headers.get("Remote-User", "")),
            values=values,
            cookies=request.headers.get("Cookie", ""),
            logout_url=logout_url,
        )
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", show)
    return app
