"""`/admin`: people are found and added."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from sidecar.accounts import NewUser, generate_password
from sidecar.errors import FieldsInvalid
from sidecar.schemas.user import load_user_fields, load_user_page
from sidecar.web.admin.links import show_link
from sidecar.web.newpasswords import find_fault
from sidecar.web.visits import Said, Visit, for_form, for_page

PAGE: Final = 25  # people
EMPTY: Final = {"username": "", "name": "", "email": "", "roles": ""}
FIELDS: Final = ("username", "name", "email")


async def show_people(visit: Visit, said: Said) -> web.Response:
    """Show a page of people by username, or of those whose names hold `?q=`."""
    query = visit.request.query
    asked = {name: query[name] for name in ("q", "after") if query.get(name)}
    try:
        after, _, q = load_user_page(asked)
    except FieldsInvalid:  # nobody is called so
        after, q = "", query.get("q", "")
        found = []
    else:
        found = list(await visit.context.people.read(after, PAGE + 1, q))
    page = found[:PAGE]
    following = None
    if len(found) > PAGE:
        following = "?" + urlencode({**({"q": q} if q else {}), "after": page[-1].username})
    return await visit.show(
        "admin/people.html", said, people=page, q=q, is_first=not after, following=following
    )


get_people = for_page(show_people, administrators=True)


async def show_new(visit: Visit, said: Said) -> web.Response:
    """Show the form for somebody new."""
    least = visit.context.rules.least
    return await visit.show("admin/new.html", said, typed={**EMPTY, **visit.form}, least=least)


get_new = for_page(show_new, administrators=True)


@for_form(show_new, administrators=True)
async def post_new(visit: Visit) -> web.Response:
    """Add somebody; without a password they get a link, which stands in this answer alone."""
    context, form = visit.context, visit.form
    members: dict[str, object] = {name: form.get(name, "").strip() for name in FIELDS}
    new = NewUser(**load_user_fields({**members, "roles": form.get("roles", "").split()}))
    typed = form.get("password", "")
    if typed:
        names = (new.username, new.name, new.email)
        fault = await find_fault(context, typed, *names, chooser=visit.author.actor)
        if fault is not None:
            return await show_new(visit, visit.refuse({"password": fault}))
    user = await context.people.add(new, typed or generate_password(), visit.author, visit.now)
    if typed:
        return visit.go(f"/admin/people/{user.id}", "person")
    return await show_link(visit, user)
