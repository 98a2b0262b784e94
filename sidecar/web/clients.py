"""`/clients`: programs, for administrators."""

from urllib.parse import quote

from aiohttp import web

from sidecar.clients.programs import NewClient
from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.core.client import Client, is_client_id
from sidecar.errors import NotFound
from sidecar.ports import ClientChange
from sidecar.schemas.client import (
    dump_client,
    load_client_fields,
    load_client_page,
    load_rotation,
)
from sidecar.web.callers import for_administrators
from sidecar.web.context import Context
from sidecar.web.requests import JSON, media_type, read_body, read_json, read_query
from sidecar.web.responses import answer_json, no_content
from sidecar.web.versions import find_version, read_version, set_version


@for_administrators
async def get_clients(
    request: web.Request, context: Context, _author: Author
) -> web.StreamResponse:
    """Answer with programs by name, `{items, next}`; `?after=` goes on behind `next`."""
    after, limit = load_client_page(read_query(request))
    found = await context.programs.read(after, limit + 1)  # one more: whether there is a next page
    page = found[:limit]
    following = page[-1].name if len(found) > limit else None
    return answer_json({"items": [dump_client(each) for each in page], "next": following})


@for_administrators
async def post_client(request: web.Request, context: Context, author: Author) -> web.StreamResponse:
    """Add a program; its secret stands in this answer and nowhere else."""
    new = NewClient(**load_client_fields(await read_json(request)))
    key, now = context.client_key, read_clock().unix
    client, secret = await context.programs.add(new, author, now, key=key)
    answer = answer_json({**dump_client(client), "client_secret": secret}, 201)
    answer.headers["Location"] = f"{context.public.base}/clients/{quote(client.client_id)}"
    return set_version(answer, client.epoch)


@for_administrators
async def get_client(request: web.Request, context: Context, _author: Author) -> web.StreamResponse:
    """Answer with one program, and the version of it that a change names."""
    return _answer(await context.programs.show(_read_id(request)))


@for_administrators
async def patch_client(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """Change what the body names of a program, as the caller has seen it."""
    seen = read_version(request)
    change = ClientChange(**load_client_fields(await read_json(request), partial=True))
    client_id, now = _read_id(request), read_clock().unix
    return _answer(await context.programs.change(client_id, change, author, now, seen=seen))


@for_administrators
async def delete_client(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """Remove a program, and refuse its tokens everywhere."""
    client_id, now = _read_id(request), read_clock().unix
    await context.programs.remove(client_id, author, now, seen=find_version(request))
    return no_content()


@for_administrators
async def post_client_rotation(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """Give a program another secret, which stands in this answer and nowhere else."""
    drop_previous = False
    # What is not JSON is refused unread: nobody has waited for it ahead of judging who sent it.
    if request.body_exists and (media_type(request) != JSON or await read_body(request)):
        drop_previous = load_rotation(await read_json(request))
    client_id, now = _read_id(request), read_clock().unix
    secret = await context.programs.rotate(
        client_id, author, now, key=context.client_key, drop_previous=drop_previous
    )
    return answer_json({"client_id": client_id, "client_secret": secret})


def _read_id(request: web.Request) -> str:
    """Return the `client_id` of a path. Raises NotFound, without a read, for what cannot be one."""
    client_id = request.match_info["id"]
    if not is_client_id(client_id):
        raise NotFound("no program has such a client_id")
    return client_id


def _answer(client: Client) -> web.StreamResponse:
    return set_version(answer_json(dump_client(client)), client.epoch)
