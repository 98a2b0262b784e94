"""`/account`: who somebody is here, and what they change of that."""

from aiohttp import web

from sidecar.ports import UserChange
from sidecar.schemas.user import load_own_change
from sidecar.web.cookies import set_session_cookie
from sidecar.web.moments import show_moment
from sidecar.web.versions import parse_version
from sidecar.web.visits import Said, Visit, for_form, for_page

FIELDS = ("name", "email")


async def show_profile(visit: Visit, said: Said) -> web.Response:
    """Show who is logged in; what was typed stands in the fields."""
    user, version = await visit.context.people.find(visit.token.claims.sub)
    kept = {"name": user.name or "", "email": user.email or "", "version": str(version)}
    return await visit.show(
        "account/profile.html",
        said,
        user=user,
        created=show_moment(user.created_at),
        typed={**kept, **visit.form},
    )


get_profile = for_page(show_profile)


@for_form(show_profile)
async def post_profile(visit: Visit) -> web.Response:
    """Change the name and the e-mail address; the cookie is renewed, since older ones end."""
    context, claims = visit.context, visit.token.claims
    seen = parse_version(visit.form.get("version"))
    change = load_own_change({name: visit.form.get(name, "") for name in FIELDS})
    await context.people.change(
        claims.sub, UserChange(**change), visit.author, visit.now, seen=seen
    )
    answer = visit.go("/account", "profile")
    grant = await context.rotation.renew_cookie(claims, visit.now)
    if grant is not None:
        set_session_cookie(answer, visit.request, context, grant)
    return answer
