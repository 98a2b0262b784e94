"""`/users/{id}/reset`: a one-time link for somebody who cannot log in, made by administrators."""

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.web.callers import for_administrators
from sidecar.web.context import Context
from sidecar.web.responses import answer_json
from sidecar.web.users import read_user_id


@for_administrators
async def post_user_reset(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """Make a link by which a user sets another password; it stands in this answer alone.

    The one before is worth nothing from now on. Raises NotFound, UserDisabled.
    """
    now = read_clock().unix
    token, expires_at = await context.resets.make(read_user_id(request), author, now)
    url = f"{context.public.base}/reset?token={token}"
    return answer_json({"reset_url": url, "expires_in": expires_at - now}, 201)
