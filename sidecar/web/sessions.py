"""Sessions that are ended from elsewhere: one of mine, or all of somebody's by an administrator."""

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.core.claims import TokenKind
from sidecar.core.token import VerifiedToken
from sidecar.errors import NotFound
from sidecar.schemas.session import dump_session
from sidecar.web.callers import find_author, for_administrators, for_people
from sidecar.web.context import Context
from sidecar.web.cookies import clear_browser
from sidecar.web.responses import answer_json, no_content
from sidecar.web.users import read_user_id


@for_people
async def get_sessions(
    _request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """Answer with the living sessions of whoever calls, the newest first.

    There is no second page: `session.max_per_user` bounds them.
    """
    sessions = await context.rotation.list_sessions(token.claims.sub, read_clock().unix)
    items = [dump_session(each, current=each.sid == token.claims.sid) for each in sessions]
    return answer_json({"items": items, "next": None})


@for_people
async def delete_session(
    request: web.Request, context: Context, token: VerifiedToken
) -> web.StreamResponse:
    """End one session of whoever calls. Raises NotFound, also where it is somebody else's."""
    sid = request.match_info["sid"]
    sessions = await context.rotation.list_sessions(token.claims.sub, read_clock().unix)
    if sid not in {each.sid for each in sessions}:
        raise NotFound("the caller has no such session")
    author, now = find_author(request, context, token), read_clock().unix
    await context.revocations.end_session_by(author, sid, now)
    answer = no_content()
    if sid == token.claims.sid and token.kind is TokenKind.SESSION:
        clear_browser(answer, request, context)
    return answer


@for_administrators
async def post_user_revoke(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """End all sessions and personal tokens of a user. Raises NotFound."""
    user_id, now = read_user_id(request), read_clock().unix
    await context.revocations.end_user_sessions(user_id, author, now, personal_tokens=True)
    return no_content()
