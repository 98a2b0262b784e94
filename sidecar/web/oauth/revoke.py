"""`POST /oauth/revoke` (RFC 7009)."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.audit import Device
from sidecar.core.claims import Claims
from sidecar.core.personal import PREFIX
from sidecar.core.session import LONGEST_REFRESH_TOKEN
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny
from sidecar.ports import ClientAccount
from sidecar.web.context import CONTEXT, Context
from sidecar.web.headers import NO_STORE
from sidecar.web.oauth.callers import TokenQuestion, read_question
from sidecar.web.oauth.grants import refuse_grant
from sidecar.web.oauth.refusals import OAuthRefusal, refuse_client, refuse_oauth
from sidecar.web.requests import find_device

WHAT: Final = "revocation"  # as the log calls it


async def post_revoke(request: web.Request) -> web.StreamResponse:
    """Take a token away; for one that is unknown or over there is nothing left to do."""
    context = request.app[CONTEXT]
    refusal = await _revoke(request, context)
    if refusal is not None:
        return refuse_oauth(request, context, refusal, WHAT)
    return web.Response(headers={"Cache-Control": NO_STORE})


async def _revoke(request: web.Request, context: Context) -> OAuthRefusal | Deny | None:
    question = await read_question(request, context)
    if not isinstance(question, TokenQuestion):
        return question
    token, caller = question.token, question.caller
    now, device = read_clock(), find_device(request, context)  # once the body is there
    for end in SHOWN:
        if await end(context, token, device, now):
            return None
    if caller is None:
        return refuse_client("nobody in particular revokes what others were given")
    opened = context.gate.open_access(token, now)
    if isinstance(opened, Deny):
        return None
    if not _may_revoke(context, caller, opened.claims):
        return refuse_grant("the token was given to somebody else", sub=opened.claims.sub)
    await context.revocations.revoke_token(opened.claims, now.unix)
    return None


def _may_revoke(context: Context, caller: ClientAccount | VerifiedToken, claims: Claims) -> bool:
    """Say whether an access token is the caller's own, or anybody's to an administrator."""
    if isinstance(caller, ClientAccount):
        return caller.client.client_id == claims.client_id
    return claims.sub == caller.claims.sub or context.admin_role in caller.principal.roles


async def _end_session(context: Context, token: str, _device: Device, now: Now) -> bool:
    """End the session of a refresh token.

    What is as long as one counts as one, perhaps of a session that has ended: who shows it is told
    nothing else than who shows a good one.
    """
    if len(token) != LONGEST_REFRESH_TOKEN:
        return False
    found = await context.rotation.find_session(token, now.unix)
    if found is not None:
        await context.revocations.end_session(found[0].sid)
    return True


async def _remove_personal(context: Context, token: str, device: Device, now: Now) -> bool:
    """Take back a personal token."""
    if not token.startswith(PREFIX):
        return False
    await context.personal.remove_shown(token, device, now.unix, key=context.personal_key)
    return True


# What whoever has it may take away, without being anybody in particular: each says whether a text
# is one of its kind, and has ended it then.
SHOWN: Final[tuple[Callable[[Context, str, Device, Now], Awaitable[bool]], ...]] = (
    _end_session,
    _remove_personal,
)
