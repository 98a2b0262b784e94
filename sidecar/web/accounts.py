"""`/me`: whoever is logged in sees and changes what is theirs."""

from dataclasses import asdict

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.mint import CookieGrant, TokenGrant
from sidecar.errors import NotFound
from sidecar.ports import Account, UserChange
from sidecar.schemas.user import load_own_change, load_own_password
from sidecar.web.callers import find_author, for_people, refuse_request
from sidecar.web.context import Context
from sidecar.web.cookies import set_session_cookie
from sidecar.web.newpasswords import require_good
from sidecar.web.proofs import prove_password
from sidecar.web.requests import read_json
from sidecar.web.responses import answer_json
from sidecar.web.users import answer_user
from sidecar.web.versions import read_version


@for_people
async def get_me(
    request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """Answer with the user JSON of whoever calls."""
    try:
        user, version = await context.people.find(token.claims.sub)
    except NotFound:
        return _refuse_ended(request, context)
    return _refuse_ended(request, context) if user.disabled else answer_user(user, version)


@for_people
async def patch_me(
    request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """Change what the body names of whoever calls, as they have seen it.

    Their older tokens are refused then: with a cookie comes the next one, a frontend refreshes.
    """
    seen = read_version(request)
    change = UserChange(**load_own_change(await read_json(request)))
    author, now = find_author(request, context, token), read_clock().unix
    try:
        user, version = await context.people.change(
            token.claims.sub, change, author, now, seen=seen
        )
    except NotFound:
        return _refuse_ended(request, context)
    answer = answer_user(user, version)
    if token.kind is TokenKind.SESSION:
        grant = await context.rotation.renew_cookie(token.claims, now)
        if grant is not None:
            set_session_cookie(answer, request, context, grant)
    return answer


@for_people
async def post_my_password(
    request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """Give whoever calls another password, for the present one, and end all their other sessions.

    The session that did it goes on, with the tokens or the cookie of this answer.
    """
    current, new = load_own_password(await read_json(request))
    claims, author = token.claims, find_author(request, context, token)
    now = read_clock().unix
    account = await prove_password(request, context, token, current, now)
    if not isinstance(account, Account):
        return refuse_request(request, context, account)
    if claims.sid is None:
        return _refuse_ended(request, context)
    # It comes last: whoever does not know the present one has nothing judged.
    user = account.user
    names = (user.username, user.name, user.email)
    await require_good(context, "/new_password", new, *names, chooser=user.id)
    grant = await context.own_password.change(account, claims.sid, new, author, now)
    match grant:
        case TokenGrant():
            return answer_json({"token_type": "Bearer", **asdict(grant)})
        case CookieGrant():
            answer = answer_json({"expires_in": grant.expires_in, "scope": grant.scope})
            set_session_cookie(answer, request, context, grant)
            return answer
        case None:
            return refuse_request(request, context, Deny(Reason.REVOKED_SESSION))


def _refuse_ended(request: web.Request, context: Context) -> web.Response:
    """Refuse whom another process removed or disabled a moment ago: ahead of the feed."""
    return refuse_request(request, context, Deny(Reason.REVOKED_USER))
