"""A page as an answer: its headers, and what every form of ours carries."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from sidecar.web.context import CONTEXT, Context
from sidecar.web.csrf import give_csrf, set_csrf_cookie
from sidecar.web.headers import NO_STORE
from sidecar.web.responses import ask_to_wait
from sidecar.web.returns import find_target

HSTS: Final = "max-age=31536000"  # a year; subdomains are not ours to speak for
# Octets of the targets of forms: nginx answers 502 to a head of more than 4 kB unless told.
LONGEST_TARGETS: Final = 2048


async def render_page(
    request: web.Request,
    template: str,
    rd: str | None = None,
    /,
    *,
    status: int = 200,
    retry_after: int | None = None,
    **values: object,
) -> web.Response:
    """Return a page of ours, whose forms carry `csrf` and are bound to a cookie.

    `template` is the name of a file below this folder. `rd` is safe, and where its form leads.
    `retry_after` is in seconds.
    """
    context = request.app[CONTEXT]
    csrf, seed = give_csrf(request, context)
    answer = web.Response(status=status)
    await fill_page(answer, context, template, rd, csrf=csrf, **values)
    if seed is not None:
        set_csrf_cookie(answer, seed)
    return answer if retry_after is None else ask_to_wait(answer, retry_after)


async def fill_page(
    answer: web.Response,
    context: Context,
    template: str,
    rd: str | None = None,
    /,
    **values: object,
) -> None:
    """Make a page without a form of an answer, whose status and other headers stay."""
    answer.text = await context.pages.render(template, context.public.path, rd=rd, **values)
    answer.content_type = "text/html"
    answer.charset = "utf-8"
    answer.headers.update(
        {
            "Cache-Control": NO_STORE,
            "Content-Security-Policy": _content_security_policy(context, rd),
            "Referrer-Policy": "same-origin",  # under `no-referrer` our form has `Origin: null`
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    if context.public.scheme == "https":
        answer.headers["Strict-Transport-Security"] = HSTS


def _content_security_policy(context: Context, rd: str | None) -> str:
    """Return the policy of a page (CSP 3): no script, no frame, forms end where a login may."""
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            " ".join(filter(None, ("form-action 'self'", _spell_targets(context, rd)))),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _spell_targets(context: Context, rd: str | None) -> str:
    """Return where forms may end besides here: all allowed hosts, or that of `rd` of very many.

    All, since a browser asks this of each step of the way (CSP 3, 6.4.1.1.2): the first host may
    send it on to the next one.
    """
    spelled = _spell_hosts(context, context.redirect_hosts())
    if len(spelled) <= LONGEST_TARGETS:
        return spelled
    target = None if rd is None else find_target(rd)
    return "" if target is None else _spell_hosts(context, (target[1].name,))


def _spell_hosts(context: Context, hosts: Iterable[str]) -> str:
    schemes = ("https",) if context.public.scheme == "https" else ("http", "https")
    return " ".join(f"{scheme}://{host}:*" for host in hosts for scheme in schemes)
