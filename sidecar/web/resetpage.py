"""`/reset`: where a one-time link leads. It is an address: no other site is told of it."""

from http import HTTPStatus

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.user import LONGEST_NEW_PASSWORD, User
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.strength import PasswordFault
from sidecar.errors import FieldsInvalid
from sidecar.schemas.forms import RESET_FORM
from sidecar.schemas.requests import load_body
from sidecar.web.context import CONTEXT
from sidecar.web.csrf import CSRF_FIELD, judge_form
from sidecar.web.navigation import wants_page
from sidecar.web.pages.render import render_page
from sidecar.web.problems import problem
from sidecar.web.requests import REQUEST_ID, find_device, log_refusal, read_form, refuse


async def get_reset(request: web.Request) -> web.StreamResponse:
    """Show the form for a link that holds; nothing is spent by looking."""
    context = request.app[CONTEXT]
    tokens = request.query.getall("token", [])
    user = None
    if len(tokens) == 1:
        user = await context.resets.find(tokens[0], read_clock().unix)
    return await _show_dead(request) if user is None else await _show(request, user, tokens[0])


async def post_reset(request: web.Request) -> web.StreamResponse:
    """Set a new password by a link, which is spent; for one that is not good it stays good."""
    context = request.app[CONTEXT]
    members = await read_form(request)
    refusal = judge_form(request, context, members.pop(CSRF_FIELD, None))
    if refusal is not None and refusal.reason is Reason.CROSS_SITE:
        return refuse(request, context, refusal, "reset")
    form = load_body(RESET_FORM, members)
    now = read_clock().unix
    user = await context.resets.find(form.token, now)
    if user is None:
        return await _show_dead(request)
    if refusal is not None:
        log_refusal(request, context, refusal, "reset")
        return await _show(request, user, form.token, refusal=refusal)
    if form.again is not None and form.again != form.new_password:
        return await _show(request, user, form.token, differ=True)
    device = find_device(request, context)
    spent = await context.resets.spend(form.token, form.new_password, device, now)
    if spent is None:
        return await _show_dead(request)
    if isinstance(spent, PasswordFault):
        if not wants_page(request.headers):
            raise FieldsInvalid((("/new_password", context.rules.explain(spent)),))
        return await _show(request, user, form.token, fault=spent)
    say = context.pages.say
    return await render_page(
        request,
        "message.html",
        title=say("reset.done_title"),
        texts=[say("reset.done")],
        request_id=None,
        links=[(context.login_url, say("reset.login"))],
    )


async def _show(
    request: web.Request,
    user: User,
    token: str,
    *,
    refusal: Deny | None = None,
    differ: bool = False,
    fault: PasswordFault | None = None,
) -> web.Response:
    """Return the page with the form; no password stands in it."""
    context = request.app[CONTEXT]
    say, least = context.pages.say, context.rules.least
    status = HTTPStatus.OK
    if refusal is not None:
        status = HTTPStatus.FORBIDDEN
    elif differ or fault is not None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    places = {"least": least, "most": LONGEST_NEW_PASSWORD}
    return await render_page(
        request,
        "reset.html",
        status=status,
        token=token,
        username=user.username,
        least=least,
        notice=None if refusal is None else say("login.stale"),
        fault=None if fault is None else say(f"password.{fault}", **places),
        different=say("reset.different") if differ else None,
    )


async def _show_dead(request: web.Request) -> web.Response:
    """Tell of a link that is over, was spent, or never was one: nobody learns which."""
    context = request.app[CONTEXT]
    say, refusal = context.pages.say, Deny(Reason.INVALID_GRANT)
    log_refusal(request, context, refusal, "reset")
    if not wants_page(request.headers):
        return problem(HTTPStatus.GONE, refusal.reason, request_id=request[REQUEST_ID])
    return await render_page(
        request,
        "message.html",
        status=HTTPStatus.GONE,
        title=say("reset.dead_title"),
        texts=[say("reset.dead")],
        request_id=None,
        links=[(context.login_url, say("reset.login"))],
    )
