"""`POST /login`: JSON for frontends; the form of the page is web/loginform.py's."""

from dataclasses import asdict

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.verdict import Deny, Reason
from sidecar.login import Attempt, Begun, CodeWanted
from sidecar.schemas.requests import LOGIN_REQUEST, load_body, parse_json
from sidecar.web.begun import log_login, welcome
from sidecar.web.context import CONTEXT
from sidecar.web.devices import find_shown_device
from sidecar.web.loginform import post_login_form
from sidecar.web.requests import (
    FORM,
    JSON,
    find_device,
    is_welcome,
    media_type,
    read_body,
    refuse,
)
from sidecar.web.responses import answer_json


async def post_login(request: web.Request) -> web.StreamResponse:
    """Log somebody in, as the body's type asks for it."""
    match media_type(request):
        case "application/json":
            return await _post_json(request)
        case "application/x-www-form-urlencoded":
            return await post_login_form(request)
        case _:
            raise web.HTTPUnsupportedMediaType(text=f"the body must be {JSON} or {FORM}")


async def _post_json(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    body = load_body(LOGIN_REQUEST, parse_json(await read_body(request)))
    now = read_clock().unix
    device, known = find_device(request, context), find_shown_device(request)
    attempt = Attempt(body.username, body.password, device, body.otp, known)
    if not body.cookie:
        opened = await context.login.log_in_bearer(attempt, now)
        if not isinstance(opened, tuple):
            return refuse(request, context, opened, "login")
        user, tokens, sid = opened
        log_login(request, context, user, sid, "bearer")
        return answer_json({"token_type": "Bearer", **asdict(tokens)})
    if not is_welcome(request, context):
        return refuse(request, context, Deny(Reason.CROSS_SITE), "login")
    begun = await context.login.log_in_cookie(attempt, now, remember=body.remember)
    if isinstance(begun, CodeWanted):  # whoever speaks JSON sends the password again
        begun = begun.refusal
    if not isinstance(begun, Begun):
        return refuse(request, context, begun, "login")
    grant = begun.grant
    answer = answer_json({"expires_in": grant.expires_in, "scope": grant.scope})
    return await welcome(answer, request, context, begun)
