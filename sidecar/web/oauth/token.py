"""`POST /oauth/token` (RFC 6749 section 3.2)."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.web.context import CONTEXT, Context
from sidecar.web.oauth.callers import authenticate, is_bearer
from sidecar.web.oauth.forms import read_form, refuse_missing
from sidecar.web.oauth.grants import GRANTS, GrantRequest
from sidecar.web.oauth.refusals import OAuthError, OAuthRefusal, refuse_client, refuse_oauth
from sidecar.web.responses import answer_json


async def post_token(request: web.Request) -> web.StreamResponse:
    """Give a token for a grant."""
    context = request.app[CONTEXT]
    given = await _grant(request, context)
    if isinstance(given, OAuthRefusal):
        return refuse_oauth(request, context, given, "grant")
    return answer_json({"token_type": "Bearer", **given})


async def _grant(request: web.Request, context: Context) -> Mapping[str, Any] | OAuthRefusal:
    form = await read_form(request)
    if isinstance(form, OAuthRefusal):
        return form
    grant_type = form.get("grant_type")
    if grant_type is None:
        return refuse_missing("grant_type")
    grant = GRANTS.get(grant_type)
    if grant is None:
        return OAuthRefusal(OAuthError.UNSUPPORTED_GRANT_TYPE, "no such grant is given here")
    account = await authenticate(request, context, form)
    if isinstance(account, OAuthRefusal):
        return account
    if account is None and is_bearer(request):
        return refuse_client("a bearer token is no credential of a client")
    return await grant(GrantRequest(request, context, form, account, read_clock()))
