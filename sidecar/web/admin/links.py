"""The one-time link by which somebody sets a password: shown to the administrator who made it."""

from aiohttp import web

from sidecar.core.user import User
from sidecar.web.moments import show_moment
from sidecar.web.visits import Said, Visit


async def show_link(visit: Visit, user: User) -> web.Response:
    """Make a link and show it, this once. Raises NotFound, UserDisabled."""
    context = visit.context
    token, expires_at = await context.resets.make(user.id, visit.author, visit.now)
    return await visit.show(
        "admin/link.html",
        Said(),
        user=user,
        link=f"{context.public.base}/reset?token={token}",
        expires=show_moment(expires_at),
    )
