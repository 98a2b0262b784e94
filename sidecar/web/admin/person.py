"""`/admin/people/{id}`: one person is changed, disabled, helped, or removed."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from sidecar.ports import UserChange
from sidecar.schemas.user import load_user_change
from sidecar.web.admin.links import show_link
from sidecar.web.moments import show_moment
from sidecar.web.users import read_user_id
from sidecar.web.versions import parse_version
from sidecar.web.visits import Said, Visit, for_form, for_page

FIELDS: Final = ("username", "name", "email")


async def show_person(visit: Visit, said: Said) -> web.Response:
    """Show one person; what was typed stands in the fields. Raises NotFound."""
    context = visit.context
    user, version = await context.people.find(read_user_id(visit.request))
    kept = {
        "username": user.username,
        "name": user.name or "",
        "email": user.email or "",
        "roles": " ".join(user.roles),
        "version": str(version),
    }
    sessions = await context.rotation.list_sessions(user.id, visit.now)
    return await visit.show(
        "admin/person.html",
        said,
        user=user,
        created=show_moment(user.created_at),
        changed=show_moment(user.updated_at),
        has_factor=await context.factors.has(user.id),
        sessions=len(sessions),
        typed={**kept, **visit.form},
        version=version,
    )


get_person = for_page(show_person, administrators=True)


@for_form(show_person, administrators=True)
async def post_person(visit: Visit) -> web.Response:
    """Change the fields, as the administrator has seen them."""
    members: dict[str, object] = {name: visit.form.get(name, "").strip() for name in FIELDS}
    fields, _ = load_user_change({**members, "roles": visit.form.get("roles", "").split()})
    return await _change(visit, UserChange(**fields), "person")


@for_form(show_person, administrators=True)
async def post_disabling(visit: Visit) -> web.Response:
    """Let somebody in no more, until they are enabled."""
    return await _change(visit, UserChange(disabled=True), "disabled")


@for_form(show_person, administrators=True)
async def post_enabling(visit: Visit) -> web.Response:
    """Let somebody in again."""
    return await _change(visit, UserChange(disabled=False), "enabled")


@for_form(show_person, administrators=True)
async def post_link(visit: Visit) -> web.Response:
    """Make a link by which somebody sets a password; it stands in this answer alone."""
    user, _ = await visit.context.people.find(read_user_id(visit.request))
    return await show_link(visit, user)


@for_form(show_person, administrators=True)
async def post_ending(visit: Visit) -> web.Response:
    """End all sessions and personal tokens of somebody."""
    user_id = read_user_id(visit.request)
    await visit.context.revocations.end_user_sessions(
        user_id, visit.author, visit.now, personal_tokens=True
    )
    return _go(visit, "ended")


@for_form(show_person, administrators=True)
async def post_factor_removal(visit: Visit) -> web.Response:
    """Take the second factor of somebody away who has lost it."""
    user_id = read_user_id(visit.request)
    if not await visit.context.factors.disable(user_id, visit.author, visit.now):
        return await show_person(visit, Said(HTTPStatus.CONFLICT, visit.say("wrong.no_factor")))
    return _go(visit, "factor")


async def show_removal(visit: Visit, said: Said) -> web.Response:
    """Ask whether somebody is to be removed. Raises NotFound."""
    user, version = await visit.context.people.find(read_user_id(visit.request))
    return await visit.show("admin/remove.html", said, user=user, version=version)


get_removal = for_page(show_removal, administrators=True)


@for_form(show_removal, administrators=True)
async def post_removal(visit: Visit) -> web.Response:
    """Remove somebody, as the administrator has seen them."""
    seen = parse_version(visit.form.get("version"))
    user_id = read_user_id(visit.request)
    await visit.context.people.remove(user_id, visit.author, visit.now, seen=seen)
    return visit.go("/admin", "removed")


async def _change(visit: Visit, change: UserChange, done: str) -> web.Response:
    seen = parse_version(visit.form.get("version"))
    user_id = read_user_id(visit.request)
    await visit.context.people.change(user_id, change, visit.author, visit.now, seen=seen)
    return _go(visit, done)


def _go(visit: Visit, done: str) -> web.Response:
    return visit.go(f"/admin/people/{read_user_id(visit.request)}", done)
