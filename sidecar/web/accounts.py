"""`/me`: whoever is logged in."""

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.user import dump_user
from sidecar.web.context import CONTEXT
from sidecar.web.requests import judge_caller, refuse
from sidecar.web.responses import answer_json


async def get_me(request: web.Request) -> web.StreamResponse:
    """Answer with the user JSON of whoever calls."""
    context = request.app[CONTEXT]
    token = judge_caller(request, context, read_clock())
    if isinstance(token, Deny):
        return refuse(request, context, token, "request")
    username = token.claims.preferred_username
    if username is None:  # a program is good for what the gate guards, and has no account
        return refuse(request, context, Deny(Reason.USER_NOT_LISTED), "request")
    account = await context.accounts.find_account(username)
    if account is None or account.user.id != token.claims.sub or account.user.disabled:
        # What another process did a moment ago: ahead of the feed.
        return refuse(request, context, Deny(Reason.REVOKED_USER), "request")
    return answer_json(dump_user(account.user))
