"""`/me`: whoever is logged in."""

from aiohttp import web

from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.user import dump_user
from sidecar.web.callers import for_people, refuse_request
from sidecar.web.context import Context
from sidecar.web.responses import answer_json


@for_people
async def get_me(
    request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """Answer with the user JSON of whoever calls."""
    account = await context.accounts.find_account(token.claims.preferred_username or "")
    if account is None or account.user.id != token.claims.sub or account.user.disabled:
        # What another process did a moment ago: ahead of the feed.
        return refuse_request(request, context, Deny(Reason.REVOKED_USER))
    return answer_json(dump_user(account.user))
