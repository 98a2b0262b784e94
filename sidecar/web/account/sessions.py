"""`/account/sessions`: where somebody is logged in, each to be ended."""

from aiohttp import web

from sidecar.web.account.agents import describe_agent
from sidecar.web.cookies import clear_browser
from sidecar.web.moments import show_moment
from sidecar.web.responses import see_other
from sidecar.web.visits import Said, Visit, for_form, for_page


async def show_sessions(visit: Visit, said: Said) -> web.Response:
    """Show the living sessions, the newest first; `session.max_per_user` bounds them."""
    claims = visit.token.claims
    found = await visit.context.rotation.list_sessions(claims.sub, visit.now)
    rows = [
        {
            "sid": each.sid,
            "device": describe_agent(each.device.user_agent),
            "address": each.device.address,
            "created": show_moment(each.created_at),
            "used": show_moment(each.used_at),
            "is_own": each.sid == claims.sid,
        }
        for each in found
    ]
    return await visit.show("account/sessions.html", said, rows=rows)


get_sessions = for_page(show_sessions)


@for_form(show_sessions)
async def post_session_end(visit: Visit) -> web.Response:
    """End one of them; one that is over already has nothing left to end."""
    context, claims = visit.context, visit.token.claims
    sid = visit.form.get("sid")
    found = await context.rotation.list_sessions(claims.sub, visit.now)
    for each in found:
        if each.sid == sid:
            await context.revocations.end_session_by(visit.author, each.sid, visit.now)
    if sid != claims.sid:
        return visit.go("/account/sessions", "session")
    answer = see_other(context.login_url)
    clear_browser(answer, visit.request, context)
    return answer
