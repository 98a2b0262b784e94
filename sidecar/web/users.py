"""`/users`: people, for administrators."""

from urllib.parse import quote

from aiohttp import web

from sidecar.accounts import NewUser
from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.core.user import User, is_user_id
from sidecar.errors import NotFound
from sidecar.ports import UserChange
from sidecar.schemas.user import dump_user, load_new_user, load_user_change, load_user_page
from sidecar.web.callers import for_administrators
from sidecar.web.context import Context
from sidecar.web.newpasswords import require_good
from sidecar.web.requests import read_json, read_query
from sidecar.web.responses import answer_json, no_content
from sidecar.web.versions import find_version, read_version, set_version


@for_administrators
async def get_users(request: web.Request, context: Context, _author: Author) -> web.StreamResponse:
    """Answer with users by username, `{items, next}`; `?after=` goes on behind `next`.

    With `?q=`: those whose username, name or e-mail address holds it.
    """
    after, limit, q = load_user_page(read_query(request))
    found = await context.people.read(after, limit + 1, q)  # one more: whether there is a next page
    page = found[:limit]
    following = page[-1].username if len(found) > limit else None
    return answer_json({"items": [dump_user(each) for each in page], "next": following})


@for_administrators
async def post_user(request: web.Request, context: Context, author: Author) -> web.StreamResponse:
    """Add a user."""
    fields, password = load_new_user(await read_json(request))
    new = NewUser(**fields)
    names = (new.username, new.name, new.email)
    await require_good(context, "/password", password, *names, chooser=author.actor)
    user = await context.people.add(new, password, author, read_clock().unix)
    answer = answer_json(dump_user(user), 201)
    answer.headers["Location"] = f"{context.public.base}/users/{quote(user.id)}"
    return set_version(answer, 0)


@for_administrators
async def get_user(request: web.Request, context: Context, _author: Author) -> web.StreamResponse:
    """Answer with one user, and the version of them that a change names."""
    return answer_user(*await context.people.find(read_user_id(request)))


@for_administrators
async def patch_user(request: web.Request, context: Context, author: Author) -> web.StreamResponse:
    """Change what the body names of a user, as the caller has seen them.

    A password or `disabled` ends their sessions and personal tokens.
    """
    user_id, seen = read_user_id(request), read_version(request)
    fields, password = load_user_change(await read_json(request))
    if password is not None:
        user, _ = await context.people.find(user_id)
        names = {"username": user.username, "name": user.name, "email": user.email, **fields}
        told = (names["username"], names["name"], names["email"])
        await require_good(context, "/password", password, *told, chooser=author.actor)
    changed = await context.people.change(
        user_id, UserChange(**fields), author, read_clock().unix, seen=seen, password=password
    )
    return answer_user(*changed)


@for_administrators
async def delete_user(request: web.Request, context: Context, author: Author) -> web.StreamResponse:
    """Remove a user, and refuse everywhere what they were given."""
    user_id, seen = read_user_id(request), find_version(request)
    await context.people.remove(user_id, author, read_clock().unix, seen=seen)
    return no_content()


def read_user_id(request: web.Request) -> str:
    """Return the `id` of a path. Raises NotFound, without a read, for what cannot be one."""
    user_id = request.match_info["id"]
    if not is_user_id(user_id):
        raise NotFound("no user has such an id")
    return user_id


def answer_user(user: User, version: int) -> web.Response:
    """Return the user JSON with its version."""
    return set_version(answer_json(dump_user(user)), version)
