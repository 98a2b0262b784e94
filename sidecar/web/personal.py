"""`/me/tokens`: what people give their scripts."""

from aiohttp import web

from sidecar.clients.personal import NewToken
from sidecar.clock import read_clock
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import NotFound
from sidecar.schemas.personal import dump_token, load_token_fields
from sidecar.web.callers import find_author, for_people, refuse_request
from sidecar.web.context import Context
from sidecar.web.requests import read_json
from sidecar.web.responses import answer_json, no_content
from sidecar.web.stepup import judge_age


@for_people
async def get_personal_tokens(
    _request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Answer with the caller's tokens, the newest first; their number is bounded."""
    owned = await context.personal.list(caller.claims.sub, read_clock().unix)
    return answer_json({"items": [dump_token(each.token) for each in owned], "next": None})


@for_people
async def post_personal_token(
    request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Give the caller a token, whose text stands in this answer and nowhere else.

    The login has to be a recent one: it outlives that by months. It has no scope that the caller's
    own token lacks.
    """
    now = read_clock().unix
    too_old = judge_age(caller.principal, now)
    if too_old is not None:
        return refuse_request(request, context, too_old)
    new = NewToken(**load_token_fields(await read_json(request)))
    claims = caller.claims
    try:
        owner, _ = await context.people.find(claims.sub)
    except NotFound:
        return refuse_request(request, context, Deny(Reason.REVOKED_USER))
    made = await context.personal.add(
        new,
        owner,
        find_author(request, context, caller),
        now,
        key=context.personal_key,
        asking=claims,
    )
    if made is None:  # what another process ended a moment ago: ahead of the feed
        return refuse_request(request, context, Deny(Reason.REVOKED_SESSION))
    token, text = made
    answer = answer_json({**dump_token(token), "token": text}, 201)
    answer.headers["Location"] = f"{context.public.base}/me/tokens/{token.id}"
    return answer


@for_people
async def delete_personal_token(
    request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Take back one of the caller's tokens. Raises NotFound, also where it is somebody else's."""
    author = find_author(request, context, caller)
    now = read_clock().unix
    await context.personal.remove(request.match_info["id"], caller.claims.sub, author, now)
    return no_content()
