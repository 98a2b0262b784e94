"""Pages for people: plain HTML that works without JavaScript, under a policy that allows none."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.core.claims import Claims
from sidecar.core.verdict import StepUp
from sidecar.web.context import Context
from sidecar.web.responses import NO_STORE
from sidecar.web.stepup import list_step_up

FOLDER: Final = Path(__file__).parent
STYLESHEET_MAX_AGE: Final = 3600  # seconds


@cache
def _templates() -> Environment:
    """Return all templates, read at the first page: most processes never show one."""
    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # nor look at the files again
    )
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    return templates


async def render_login(
    context: Context,
    rd: str | None,
    step_up: StepUp,
    *,
    username: str = "",
    failed: bool = False,
    status: int = 200,
) -> web.Response:
    """Return the login page; a target that is not safe is dropped.

    What `step_up` asks for outlasts a login that fails: the form is sent to the same query.
    """
    query = urlencode(list_step_up(step_up), safe=",")
    return await _render(
        context,
        "login.html",
        status,
        rd=context.safe_redirect(rd),
        query=f"?{query}" if query else "",
        again=_explain(step_up),
        username=username,
        failed=failed,
    )


def _explain(step_up: StepUp) -> str | None:
    """Return why somebody who is logged in has to log in again; None where nobody asks for it."""
    match step_up:
        case StepUp(None, ()):
            return None
        case StepUp(_, ()):
            return "What you asked for needs a recent login: please log in again."
        case StepUp(None, _):
            return "What you asked for needs another kind of login: please log in again."
        case _:
            return "What you asked for needs a recent login of a certain kind: please log in again."


async def render_logout(context: Context, claims: Claims | None) -> web.Response:
    """Return the page that says who is logged in, with the button that ends it."""
    return await _render(context, "logout.html", 200, claims=claims)


async def get_stylesheet(_request: web.Request) -> web.Response:
    """Answer with the stylesheet of the pages."""
    return web.Response(
        body=await asyncio.to_thread(_stylesheet),
        content_type="text/css",
        charset="utf-8",
        headers={"Cache-Control": f"public, max-age={STYLESHEET_MAX_AGE}"},
    )


@cache
def _stylesheet() -> bytes:
    return (FOLDER / "sidecar.css").read_bytes()


async def _render(context: Context, template: str, status: int, **values: object) -> web.Response:
    page = (await asyncio.to_thread(_templates)).get_template(template)
    return web.Response(
        status=status,
        text=page.render(base=context.public.path, **values),
        content_type="text/html",
        headers={
            "Cache-Control": NO_STORE,
            "Content-Security-Policy": _content_security_policy(context),
            "Referrer-Policy": "same-origin",  # under `no-referrer` our form has `Origin: null`
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        },
    )


def _content_security_policy(context: Context) -> str:
    """Return the policy of a page (CSP 3): no script, no frame, forms end where a login may."""
    schemes = ("https",) if context.public.scheme == "https" else ("http", "https")
    targets = [f"{scheme}://{host}:*" for host in context.redirect_hosts() for scheme in schemes]
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            " ".join(("form-action 'self'", *targets)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
