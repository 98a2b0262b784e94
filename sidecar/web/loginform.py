"""The login as browsers make it: page and form, and from one to the other until it is good."""

from http import HTTPStatus
from typing import Final, TypedDict

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.credentials.mint import CookieGrant
from sidecar.credentials.opening import Credential
from sidecar.errors import FieldsInvalid
from sidecar.login import Attempt, Begun, CodeWanted
from sidecar.schemas.forms import CODE_FORM, LOGIN_FORM
from sidecar.schemas.requests import (
    LONGEST_TYPED_NAME,
    load_body,
    parse_form,
)
from sidecar.web.begun import welcome
from sidecar.web.callers import find_caller
from sidecar.web.context import CONTEXT, Context
from sidecar.web.cookies import expire_session_cookie, set_session_cookie
from sidecar.web.csrf import CSRF_FIELD, judge_form
from sidecar.web.devices import find_shown_device
from sidecar.web.loginpages import (
    show_code,
    show_login,
    show_loop,
    spell_query,
)
from sidecar.web.navigation import wants_page
from sidecar.web.requests import find_device, log_refusal, read_body, read_form, refuse
from sidecar.web.responses import see_other
from sidecar.web.returns import MOST_RETURNS, count_return, find_target, remember_returns
from sidecar.web.stepup import read_step_up, satisfies

OTP: Final = "otp"  # RFC 8176: what a second factor adds to a login
END: Final = "/account"  # says who is logged in
# Why a cookie is refused whose session may live all the same: its rights have changed, or a clock
# that was ahead has sealed it.
RENEWABLE: Final = frozenset({Reason.REVOKED_USER, Reason.NOT_YET_VALID, Reason.KEY_NOT_YET})


class _Typed(TypedDict):
    """What was typed and is shown again: no password."""

    username: str
    remember: bool


async def get_login(request: web.Request) -> web.StreamResponse:
    """Show the page; with a good session that is as `?max_age=` and `?amr=` ask for, go on."""
    context = request.app[CONTEXT]
    rd, now = context.safe_redirect(request.query.get("rd")), read_clock()
    credential = find_caller(request, context)
    if isinstance(credential, Deny) and credential.reason is Reason.TWO_CREDENTIALS:
        # Nobody could tell which of them counts: without both the next login does.
        answer = await show_login(request, rd, credential, status=HTTPStatus.OK)
        expire_session_cookie(answer, request, context)
        return answer
    if not isinstance(credential, Credential) or credential.kind is TokenKind.ACCESS:
        return await show_login(request, rd)
    found = await _find_session(context, credential, read_step_up(request), now)
    match found:
        case VerifiedToken():
            return await _return(request, context, rd, now.unix)
        case CookieGrant():
            answer = see_other(_find_end(context, rd))
            set_session_cookie(answer, request, context, found)
            return answer
        case Deny(Reason.AMR_MISSING):
            return await show_login(request, rd, helpless=True)
        case Deny():
            return await show_login(request, rd)


async def get_code(request: web.Request) -> web.StreamResponse:
    """Begin anew: the page for the code is shown in the answer to a form alone."""
    context = request.app[CONTEXT]
    rd = context.safe_redirect(request.query.get("rd"))
    return see_other(f"{context.login_url}{spell_query(rd, read_step_up(request))}")


async def post_login_form(request: web.Request) -> web.StreamResponse:
    """Log somebody in by the form; where that fails it is shown again, without the password."""
    context = request.app[CONTEXT]
    members = parse_form(await read_body(request))
    refusal = judge_form(request, context, members.pop(CSRF_FIELD, None))
    rd = context.safe_redirect(members.get("rd"))
    typed = _Typed(
        username=members.get("username", "")[:LONGEST_TYPED_NAME], remember="remember" in members
    )
    if refusal is not None:
        if refusal.reason is Reason.CROSS_SITE:
            return refuse(request, context, refusal, "login")
        log_refusal(request, context, refusal, "login")
        return await show_login(request, rd, refusal, **typed)
    try:
        form = load_body(LOGIN_FORM, members)
    except FieldsInvalid:
        if not wants_page(request.headers):
            raise
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return await show_login(request, rd, status=status, lacking=True, **typed)
    device, known = find_device(request, context), find_shown_device(request)
    attempt = Attempt(form.username, form.password, device, form.otp, known)
    begun = await context.login.log_in_cookie(attempt, read_clock().unix, remember=form.remember)
    if isinstance(begun, Begun):
        return await welcome(see_other(_find_end(context, rd)), request, context, begun)
    if isinstance(begun, CodeWanted):
        log_refusal(request, context, begun.refusal, "login")
        return await show_code(request, rd, begun.ticket, begun.refusal)
    log_refusal(request, context, begun, "login")
    return await show_login(request, rd, begun, **typed)


async def post_code(request: web.Request) -> web.StreamResponse:
    """Log somebody in by the code of their second factor, and the ticket of their password."""
    context = request.app[CONTEXT]
    members = await read_form(request)
    doubt = judge_form(request, context, members.pop(CSRF_FIELD, None))
    rd = context.safe_redirect(members.get("rd"))
    if doubt is not None and doubt.reason is Reason.CROSS_SITE:
        return refuse(request, context, doubt, "login")
    form = load_body(CODE_FORM, members)
    if doubt is not None:
        log_refusal(request, context, doubt, "login")
        return await show_code(request, rd, form.ticket, doubt)
    device, known = find_device(request, context), find_shown_device(request)
    now = read_clock().unix
    begun = await context.login.log_in_ticket(form.ticket, form.otp, device, now, known)
    if isinstance(begun, Begun):
        return await welcome(see_other(_find_end(context, rd)), request, context, begun)
    log_refusal(request, context, begun, "login")
    if isinstance(begun, Deny) and begun.reason is Reason.INVALID_GRANT:
        return await show_login(request, rd, begun)
    return await show_code(request, rd, form.ticket, begun)


async def _return(request: web.Request, context: Context, rd: str | None, now: int) -> web.Response:
    """Send a browser on whose session is good, unless it walks in a circle."""
    answer = see_other(_find_end(context, rd))
    target = None if rd is None else find_target(rd)
    if rd is None or target is None:
        return answer
    returns = count_return(request, rd, now)
    if returns.times >= MOST_RETURNS:
        return await show_loop(request, rd, *target)
    remember_returns(answer, returns)
    return answer


async def _find_session(
    context: Context, credential: Credential, step_up: StepUp, now: Now
) -> VerifiedToken | CookieGrant | Deny:
    """Return the good session of a browser, or what renews one whose cookie alone is not good.

    AMR_MISSING: it is good, but its owner can never prove what is asked for.
    """
    opened = context.gate.open_credential(credential)
    if isinstance(opened, Deny):
        return opened
    good = context.gate.find_bearer(credential, now)
    claims = opened.claims
    if not satisfies(opened.principal, step_up, now.unix):
        asked = OTP in step_up.amr and set(step_up.amr).isdisjoint(claims.amr or ())
        helpless = asked and good and not await context.factors.has(claims.sub)
        return Deny(Reason.AMR_MISSING if helpless else Reason.LOGIN_TOO_OLD)
    # Whatever else a cookie is refused for, it was meant to be worth nothing. What is from ahead
    # may have been taken back too: a revocation is looked for last.
    if isinstance(good, VerifiedToken) or good.reason not in RENEWABLE:
        return good
    if context.gate.view.find_refusal(claims) not in {None, Reason.REVOKED_USER}:
        return good
    return await context.rotation.renew_cookie(claims, now.unix) or good


def _find_end(context: Context, rd: str | None) -> str:
    """Return where a login ends: where the browser wanted to go, else at the account's page."""
    return rd or f"{context.public.base}{END}"
