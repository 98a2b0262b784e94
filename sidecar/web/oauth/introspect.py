"""`POST /oauth/introspect` (RFC 7662): what a token is worth, to those whom it concerns."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.claims import Claims, TokenKind, claims_members
from sidecar.core.grant import OWN_CLIENT
from sidecar.core.personal import PREFIX
from sidecar.core.session import Turn
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.ports import ClientAccount
from sidecar.web.context import CONTEXT, Context
from sidecar.web.oauth.callers import TokenQuestion, read_question
from sidecar.web.oauth.refusals import OAuthRefusal, refuse_client, refuse_oauth
from sidecar.web.responses import answer_json

WHAT: Final = "introspection"  # as the log calls it
INACTIVE: Final = {"active": False}  # of whatever is not good, and of what is none of the caller's
INTERNAL: Final = frozenset({"epoch"})  # claims that mean nothing to others
_OF_STAND_IN: Final = INTERNAL | {"jti", "nbf"}  # what stands in for a personal token, and ends

Members = Mapping[str, Any]
# A program, or an administrator.
Caller = ClientAccount | VerifiedToken


async def post_introspect(request: web.Request) -> web.StreamResponse:
    """Say what a token is worth at this moment."""
    context = request.app[CONTEXT]
    told = await _introspect(request, context)
    if isinstance(told, OAuthRefusal | Deny):
        return refuse_oauth(request, context, told, WHAT)
    return answer_json(told)


async def _introspect(request: web.Request, context: Context) -> Members | OAuthRefusal | Deny:
    question = await read_question(request, context)
    if not isinstance(question, TokenQuestion):
        return question
    token, caller = question.token, question.caller
    now = read_clock()  # the body may have been under way for seconds
    if caller is None:
        return refuse_client("no credential of a client")
    if isinstance(caller, VerifiedToken) and context.admin_role not in caller.principal.roles:
        return Deny(Reason.ROLE_MISSING)
    for describe in KINDS:
        members = await describe(context, caller, token, now)
        if members is not None:
            return {"active": True, **members}
    return INACTIVE


async def _describe_access(
    context: Context, caller: Caller, token: str, now: Now
) -> Members | None:
    """Return what an access token says that is good and concerns the caller."""
    opened = context.gate.open_access(token, now)
    good = opened if isinstance(opened, Deny) else context.gate.judge(opened, now)
    if isinstance(good, Deny) or not concerns(caller, good.claims):
        return None
    members = claims_members(good.claims, TokenKind.ACCESS)
    if good.claims.preferred_username is not None:
        members["username"] = good.claims.preferred_username
    told = {name: value for name, value in members.items() if name not in INTERNAL}
    return {"token_type": "Bearer", **told}


async def _describe_refresh(
    context: Context, caller: Caller, token: str, now: Now
) -> Members | None:
    """Return of whose session a refresh token is; that is for administrators alone."""
    if isinstance(caller, ClientAccount):
        return None
    found = await context.rotation.find_session(token, now.unix)
    if found is None or found[1] not in {Turn.ROTATE, Turn.REPLAY}:
        return None
    session = found[0]
    return {
        "client_id": OWN_CLIENT,
        "sub": session.user_id,
        "sid": session.sid,
        "iat": session.rotated_at,
        "exp": min(session.rotated_at + context.mint.lifetimes.refresh, session.expires_at),
    }


async def _describe_personal(
    context: Context, caller: Caller, token: str, now: Now
) -> Members | None:
    """Return whose a personal token is, wherever it may be shown. Raises StoreUnavailable."""
    if not token.startswith(PREFIX):
        return None
    shown = await context.shown.show(token, now)
    good = context.gate.judge_shown(shown, now)
    if isinstance(good, Deny) or not concerns(caller, good.claims):
        return None
    members = claims_members(good.claims, TokenKind.ACCESS)
    told = {name: value for name, value in members.items() if name not in _OF_STAND_IN}
    dates = {"iat": shown.created_at, "exp": shown.expires_at}
    return {"token_type": "Bearer", **told, **dates, "username": good.claims.preferred_username}


def concerns(caller: Caller, claims: Claims) -> bool:
    """Say whether a token is the caller's own or meant for it; any concerns an administrator."""
    if isinstance(caller, VerifiedToken):
        return True
    client = caller.client
    return claims.client_id == client.client_id or not set(client.audience).isdisjoint(claims.aud)


# Each says what a text of its kind is worth, None where it is not good or not of its kind.
KINDS: Final[tuple[Callable[[Context, Caller, str, Now], Awaitable[Members | None]], ...]] = (
    _describe_access,
    _describe_refresh,
    _describe_personal,
)
