"""`/refresh` and `/logout`: the turn and the end of a session."""

from contextlib import suppress
from dataclasses import asdict

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.audit import Author, Device
from sidecar.core.claims import TokenKind
from sidecar.core.grant import is_of_login
from sidecar.core.session import Turn
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.errors import NotFound
from sidecar.rotation import RefusedRefresh
from sidecar.schemas.forms import LOGOUT_FORM
from sidecar.schemas.requests import (
    LOGOUT_REQUEST,
    REFRESH_REQUEST,
    load_body,
    parse_form,
    parse_json,
)
from sidecar.web.begun import end_cookies
from sidecar.web.callers import admit_caller, find_caller, needs_form_token
from sidecar.web.context import CONTEXT, Context
from sidecar.web.cookies import clear_browser, expire_contradiction, expire_session_cookie
from sidecar.web.csrf import CSRF_FIELD, judge_form
from sidecar.web.pages.render import render_page
from sidecar.web.requests import (
    FOREIGN_FORMS,
    FORM,
    JSON,
    find_device,
    media_type,
    read_body,
    refuse,
)
from sidecar.web.responses import answer_json, no_content, see_other


async def post_refresh(request: web.Request) -> web.StreamResponse:
    """Give the next tokens for a refresh token."""
    context = request.app[CONTEXT]
    if media_type(request) != JSON:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {JSON}")
    body = load_body(REFRESH_REQUEST, parse_json(await read_body(request)))
    device = find_device(request, context)
    grant = await context.rotation.refresh(body.refresh_token, read_clock().unix, device)
    if isinstance(grant, RefusedRefresh):
        refusal = Deny(Reason.INVALID_GRANT)
        return refuse(request, context, refusal, "refresh", cause=grant.cause, sid=grant.sid)
    return answer_json({"token_type": "Bearer", **asdict(grant)})


async def get_logout(request: web.Request) -> web.StreamResponse:
    """Say who is logged in, with a button; nothing changes by itself."""
    context = request.app[CONTEXT]
    return await _show_logout(request, context.safe_redirect(request.query.get("rd")))


async def _show_logout(
    request: web.Request, rd: str | None, *, stale: bool = False
) -> web.Response:
    """Return the page that says who is logged in, with the button that ends it.

    `stale` says that the form that came was not from a page of now.
    """
    context = request.app[CONTEXT]
    credential, claims = find_caller(request, context), None
    if isinstance(credential, Credential) and credential.kind is TokenKind.SESSION:
        token = context.gate.find_bearer(credential, read_clock())
        claims = token.claims if isinstance(token, VerifiedToken) else None
    status = 403 if stale else 200
    return await render_page(request, "logout.html", rd, status=status, claims=claims, stale=stale)


async def post_logout(request: web.Request) -> web.StreamResponse:
    """End the session of the credential that came; that of one that is over has ended already."""
    context = request.app[CONTEXT]
    octets = await read_body(request)
    kind = media_type(request)
    if octets and kind not in {JSON, FORM}:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {JSON}, {FORM} or empty")
    device, rd, refresh_token = find_device(request, context), None, None
    in_browser, borne_by_cookie, csrf = kind == FORM, False, None
    if kind == FORM:
        members = parse_form(octets)
        csrf = members.pop(CSRF_FIELD, None)
        form = load_body(LOGOUT_FORM, members)
        everywhere, rd = form.everywhere, form.rd
    else:
        asked = load_body(LOGOUT_REQUEST, parse_json(octets) if octets else {})
        everywhere, refresh_token = asked.everywhere, asked.refresh_token
    if refresh_token is not None:
        await _end_by_refresh_token(context, refresh_token, device, everywhere=everywhere)
    else:
        credential = admit_caller(request, context)
        if (
            kind in FOREIGN_FORMS  # be it empty, as any page may send it; ours is judged below
            and isinstance(credential, Credential)
            and needs_form_token(request, credential.kind)
        ):
            credential = Deny(Reason.CROSS_SITE)
        if isinstance(credential, Deny):
            refused = refuse(request, context, credential, "logout")
            expire_contradiction(refused, request, context, credential)
            return refused
        borne_by_cookie = credential.kind is TokenKind.SESSION
        if kind == FORM and borne_by_cookie and judge_form(request, context, csrf) is not None:
            return await _show_logout(request, context.safe_redirect(rd), stale=True)
        in_browser |= borne_by_cookie
        await _end_by_credential(context, credential, device, everywhere=everywhere)
    if not borne_by_cookie:  # what came beside it is taken back, and somebody may have a copy
        await end_cookies(request, context)
    answer = (
        see_other(context.safe_redirect(rd) or context.login_url) if kind == FORM else no_content()
    )
    if in_browser:
        clear_browser(answer, request, context)
    else:
        expire_session_cookie(answer, request, context)
    return answer


async def _end_by_credential(
    context: Context, credential: Credential, device: Device, *, everywhere: bool
) -> None:
    now = read_clock()
    opened = context.gate.open_credential(credential)
    if isinstance(opened, Deny):
        context.gate.refuse_old_ring(opened, now)
        return
    claims = opened.claims
    good = everywhere and isinstance(context.gate.find_bearer(credential, now), VerifiedToken)
    if good and is_of_login(claims):
        await _end_everywhere(context, Author(claims.sub, device), now)
    else:
        await context.revocations.end_session_of(claims, now.unix)


async def _end_by_refresh_token(
    context: Context, refresh_token: str, device: Device, *, everywhere: bool
) -> None:
    now = read_clock()
    found = await context.rotation.find_session(refresh_token, now.unix)
    if found is None:
        return
    session, turn = found
    if everywhere and turn in {Turn.ROTATE, Turn.REPLAY}:  # one that is over ends its own only
        await _end_everywhere(context, Author(session.user_id, device), now)
    else:
        await context.revocations.end_session(session.sid)


async def _end_everywhere(context: Context, person: Author, now: Now) -> None:
    with suppress(NotFound):  # the user was removed, and with them every session
        await context.revocations.end_user_sessions(
            person.actor, person, now.unix, personal_tokens=False
        )
