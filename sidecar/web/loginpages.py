"""The pages of a login: the first, that of the second factor, and what keeps it from going on."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from sidecar.core.facts import Host
from sidecar.core.throttle import Throttled
from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.web.context import CONTEXT
from sidecar.web.pages.render import render_page
from sidecar.web.requests import find_asked_host
from sidecar.web.responses import STATUSES, UNAUTHORIZED
from sidecar.web.returns import find_cause, forget_returns
from sidecar.web.stepup import list_step_up, read_step_up

# What is said above the form, by why it is shown again.
NOTICES: Final = {
    Reason.INVALID_CREDENTIALS: "login.failed",
    Reason.INVALID_GRANT: "login.over",
    Reason.TWO_CREDENTIALS: "login.two_cookies",
    Reason.CSRF_TOKEN: "login.stale",
}
LACKING: Final = "login.lacking"


async def show_login(
    request: web.Request,
    rd: str | None,
    refusal: Deny | Throttled | None = None,
    *,
    status: int | None = None,
    lacking: bool = False,
    helpless: bool = False,
    username: str = "",
    remember: bool = False,
) -> web.Response:
    """Return the login page for a target that is safe, or for none.

    What is asked of the login outlasts one that fails: the form is sent to the same query.
    `lacking` says that a field is empty, `helpless` that a second factor is asked for which who is
    logged in does not have.
    """
    notice = LACKING if lacking else None
    if isinstance(refusal, Deny):
        notice = NOTICES.get(refusal.reason)
    step_up = read_step_up(request)
    return await render_page(
        request,
        "login.html",
        rd,
        status=status or _find_status(refusal),
        retry_after=_find_wait(refusal),
        query=spell_query(None, step_up),
        again=_explain(step_up),
        notice=_say(request, refusal, notice),
        helpless=helpless,
        failed=isinstance(refusal, Deny) and refusal.reason is Reason.INVALID_CREDENTIALS,
        username=username,
        remember=remember,
    )


async def show_code(
    request: web.Request, rd: str | None, ticket: str, refusal: Deny | Throttled
) -> web.Response:
    """Return the page that asks for the code of the second factor; it holds no password."""
    notice: str | None = "code.failed"
    if isinstance(refusal, Deny):
        notice = {Reason.OTP_REQUIRED: None, Reason.CSRF_TOKEN: "login.stale"}.get(
            refusal.reason, notice
        )
    step_up = read_step_up(request)
    return await render_page(
        request,
        "code.html",
        rd,
        status=_find_status(refusal),
        retry_after=_find_wait(refusal),
        query=spell_query(None, step_up),
        start=f"{request.app[CONTEXT].login_url}{spell_query(rd, step_up)}",
        ticket=ticket,
        notice=_say(request, refusal, notice),
        failed=isinstance(refusal, Deny) and refusal.reason is Reason.OTP_INVALID,
    )


async def show_loop(request: web.Request, rd: str, scheme: str, host: Host) -> web.Response:
    """Tell somebody who is sent back and forth which cookie does not arrive, and why."""
    context = request.app[CONTEXT]
    say, own = context.pages.say, find_asked_host(request, context).name
    cause = find_cause(request, context, scheme, host)
    places = {
        "cookie": context.jar.name,
        "domain": context.jar.find_domain(own) or own,
        "host": host.name,
    }
    answer = await render_page(
        request,
        "message.html",
        title=say("loop.title"),
        texts=[say("loop.explain", **places), say(f"loop.{cause}", **places)],
        request_id=None,
        links=[
            (f"{context.login_url}{spell_query(rd, read_step_up(request))}", say("loop.continue"))
        ],
    )
    forget_returns(answer)
    return answer


def spell_query(rd: str | None, step_up: StepUp) -> str:
    """Return the query of the login page, with its question mark where there is one."""
    pairs = [] if rd is None else [("rd", rd)]
    query = urlencode([*pairs, *list_step_up(step_up)], safe=",")
    return f"?{query}" if query else ""


def _explain(step_up: StepUp) -> str | None:
    """Return why somebody who is logged in has to log in again; None where nobody asks for it."""
    match step_up:
        case StepUp(None, ()):
            return None
        case StepUp(_, ()):
            return "login.recent"
        case StepUp(None, _):
            return "login.other"
        case _:
            return "login.recent_other"


def _find_status(refusal: Deny | Throttled | None) -> int:
    match refusal:
        case None:
            return HTTPStatus.OK
        case Throttled():
            return HTTPStatus.TOO_MANY_REQUESTS
        case Deny():
            return STATUSES.get(refusal.reason, UNAUTHORIZED)


def _say(request: web.Request, refusal: Deny | Throttled | None, notice: str | None) -> str | None:
    """Return what is said above a form."""
    say = request.app[CONTEXT].pages.say
    if isinstance(refusal, Throttled):
        return say("login.throttled", seconds=refusal.retry_after)
    return None if notice is None else say(notice)


def _find_wait(refusal: Deny | Throttled | None) -> int | None:
    return refusal.retry_after if isinstance(refusal, Throttled) else None
