"""`/login`: JSON for frontends, a page and a form for browsers."""

import logging
from dataclasses import asdict

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.token import VerifiedToken
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.credentials.mint import CookieGrant
from sidecar.login import Attempt
from sidecar.schemas.requests import (
    LOGIN_FORM,
    LOGIN_REQUEST,
    load_body,
    parse_form,
    parse_json,
)
from sidecar.web.callers import find_caller
from sidecar.web.context import CONTEXT, Context
from sidecar.web.cookies import set_session_cookie
from sidecar.web.pages import render_login
from sidecar.web.requests import (
    FORM,
    JSON,
    describe_request,
    find_device,
    is_welcome,
    log_refusal,
    media_type,
    read_body,
    refuse,
)
from sidecar.web.responses import answer_json, see_other
from sidecar.web.stepup import read_step_up, satisfies

log = logging.getLogger("sidecar.login")


async def post_login(request: web.Request) -> web.StreamResponse:
    """Log somebody in, as the body's type asks for it."""
    match media_type(request):
        case "application/json":
            return await _post_json(request)
        case "application/x-www-form-urlencoded":
            return await _post_form(request)
        case _:
            raise web.HTTPUnsupportedMediaType(text=f"the body must be {JSON} or {FORM}")


async def _post_json(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    body = load_body(LOGIN_REQUEST, parse_json(await read_body(request)))
    now = read_clock().unix
    attempt = Attempt(body.username, body.password, find_device(request, context))
    if not body.cookie:
        opened = await context.login.log_in_bearer(attempt, now)
        if not isinstance(opened, tuple):
            return refuse(request, context, opened, "login")
        user, tokens = opened
        _log_login(request, context, user, "bearer")
        return answer_json({"token_type": "Bearer", **asdict(tokens)})
    if not is_welcome(request, context):
        return refuse(request, context, Deny(Reason.CROSS_SITE), "login")
    begun = await context.login.log_in_cookie(attempt, now, remember=body.remember)
    if not isinstance(begun, tuple):
        return refuse(request, context, begun, "login")
    user, grant = begun
    _log_login(request, context, user, "cookie")
    answer = answer_json({"expires_in": grant.expires_in, "scope": grant.scope})
    set_session_cookie(answer, request, context, grant)
    return answer


async def _post_form(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    if not is_welcome(request, context):
        return refuse(request, context, Deny(Reason.CROSS_SITE), "login")
    form = load_body(LOGIN_FORM, parse_form(await read_body(request)))
    now = read_clock().unix
    attempt = Attempt(form.username, form.password, find_device(request, context))
    begun = await context.login.log_in_cookie(attempt, now, remember=form.remember)
    if not isinstance(begun, tuple):
        log_refusal(request, context, begun, "login")
        return await render_login(
            context,
            form.rd,
            read_step_up(request),
            username=form.username,
            failed=True,
            status=401,
        )
    user, grant = begun
    _log_login(request, context, user, "cookie")
    return _go_on(request, context, form.rd, grant)


async def get_login(request: web.Request) -> web.StreamResponse:
    """Show the page; with a good session that is as `?max_age=` and `?amr=` ask for, go on."""
    context = request.app[CONTEXT]
    rd, step_up = request.query.get("rd"), read_step_up(request)
    found = await _find_session(request, context, step_up)
    if found is None:
        return await render_login(context, rd, step_up)
    return _go_on(request, context, rd, found if isinstance(found, CookieGrant) else None)


async def _find_session(
    request: web.Request, context: Context, step_up: StepUp
) -> VerifiedToken | CookieGrant | None:
    """Return the good session of a browser, or what renews one whose rights have only changed."""
    credential = find_caller(request, context)
    if isinstance(credential, Deny) or credential is None or credential.kind is TokenKind.ACCESS:
        return None
    now = read_clock()
    opened = context.gate.open_credential(credential)
    if isinstance(opened, Deny) or not satisfies(opened.principal, step_up, now.unix):
        return None
    good = context.gate.find_bearer(credential, now)
    if isinstance(good, VerifiedToken):
        return good
    # Only the epoch has moved: the session may live, with other rights. Whatever else a cookie is
    # refused for, it was meant to be worth nothing.
    if good.reason is not Reason.REVOKED_USER:
        return None
    return await context.rotation.renew_cookie(opened.claims, now.unix)


def _go_on(
    request: web.Request, context: Context, rd: str | None, grant: CookieGrant | None
) -> web.Response:
    """Send the browser where it wanted to go, else to the page that says who is logged in."""
    answer = see_other(context.safe_redirect(rd) or f"{context.public.base}/logout")
    if grant is not None:
        set_session_cookie(answer, request, context, grant)
    return answer


def _log_login(request: web.Request, context: Context, user: User, kind: str) -> None:
    who = {"sub": user.id, "username": user.username}
    log.info("logged in", extra={**who, "kind": kind, **describe_request(request, context)})
