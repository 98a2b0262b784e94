"""What every endpoint needs of a request: its id, its body, and from where it comes.

With it comes the one line that says in the log who was refused.
"""

import asyncio
import logging
import random
import re
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import web

from sidecar.core.addresses import Address, parse_address
from sidecar.core.audit import Device
from sidecar.core.facts import Host, parse_host
from sidecar.core.origin import Site
from sidecar.core.throttle import TOO_MANY_ATTEMPTS, Throttled
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import BodyMalformed, FieldsInvalid
from sidecar.schemas.requests import parse_form, parse_json
from sidecar.web.asking import Asking
from sidecar.web.context import CONTEXT, Context
from sidecar.web.gateways import find_peer, read_site
from sidecar.web.headers import (
    FETCH_SITE,
    FORWARDED_FOR,
    FORWARDED_HOST,
    ORIGIN,
    REQUEST_ID_HEADER,
    Headers,
    find_single,
)
from sidecar.web.responses import refuse_caller

LARGEST_BODY: Final = 65_536  # octets
BODY_TIMEOUT: Final = 4.0  # seconds for the whole body; answers to bad input come within five
REQUEST_ID_BITS: Final = 72
THIS_MACHINE: Final = ip_address("127.0.0.1")  # who is behind a Unix socket

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{8,128}", re.ASCII)

REQUEST_ID: Final = web.RequestKey("REQUEST_ID", str)

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
CORS_PATHS: Final = ("/login", "/refresh", "/logout", "/oauth/token", "/oauth/revoke")
CORS_FOLDER: Final = "/me/"  # and everything below it
# What else a form may be, which none of our pages sends; every other type needs a preflight.
FOREIGN_FORMS: Final = frozenset({"multipart/form-data", "text/plain"})

log = logging.getLogger("sidecar.web")


def is_from_proxy(request: Asking, context: Context) -> bool:
    """Say whether the peer may speak for others."""
    return context.trusted.trust(find_peer(request))


def identify(request: Asking, context: Context) -> str:
    """Return the id of this request: the proxy's where it is well-formed, else a new one."""
    given = request.headers.get(REQUEST_ID_HEADER)
    if given is not None and is_request_id(given) and is_from_proxy(request, context):
        return given
    return make_request_id()


def is_request_id(text: str) -> bool:
    """Say whether a text is well-formed as the id of a request."""
    return _REQUEST_ID.fullmatch(text) is not None


def make_request_id() -> str:
    """Return a new id: a name, no secret."""
    return random.getrandbits(REQUEST_ID_BITS).to_bytes(REQUEST_ID_BITS // 8).hex()


async def read_body(request: web.Request) -> bytes:
    """Return the body, bounded in size and time; once it has come, in a turn of its own.

    Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout for a body that stalls, and BodyMalformed
    for one that breaks off.
    """
    had_come = request.content.is_eof()  # before the turn in which this request began
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except ConnectionError:  # whoever asked has gone: that is no bug of ours
        raise BodyMalformed("the body breaks off") from None
    if not had_come:
        await take_turn(request)
    return body


async def take_turn(request: web.Request) -> None:
    """Go on in a turn of the event loop that no other request begins in (web/turns.py).

    Raises Overloaded where too many wait, and CancelledError where nobody waits for the answer.
    """
    await request.app[CONTEXT].turns.wait(lambda: request.transport is None)


async def read_json(request: web.Request) -> dict[str, Any]:
    """Return the members of a JSON body.

    Raises HTTPUnsupportedMediaType for another type, BodyMalformed, and as `read_body` does.
    """
    if media_type(request) != JSON:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {JSON}")
    return parse_json(await read_body(request))


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises HTTPUnsupportedMediaType for another type, BodyMalformed, and as `read_body` does.
    """
    if media_type(request) != FORM:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {FORM}")
    return parse_form(await read_body(request))


def read_query(request: web.BaseRequest) -> dict[str, str]:
    """Return the parameters behind the `?`. Raises FieldsInvalid for one that stands twice."""
    doubled = {name for name in request.query if len(request.query.getall(name)) > 1}
    if doubled:
        raise FieldsInvalid(tuple((f"/{name}", "stands twice") for name in sorted(doubled)))
    return dict(request.query)


def media_type(request: web.BaseRequest) -> str | None:
    """Return the media type of the body, None where none is named."""
    value = find_single(request.headers, "Content-Type")
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else None


def find_client(request: web.BaseRequest, context: Context) -> Address | None:
    """Return the client's address as far as trusted hops vouch for it, None where it is unknown."""
    found = _read_client(request, context)
    return None if isinstance(found, Deny) else found


def _read_client(request: web.BaseRequest, context: Context) -> Address | Deny | None:
    lines = request.headers.getall(FORWARDED_FOR, ())
    return context.trusted.find_client(find_peer(request), lines)


def find_asked_host(request: web.BaseRequest, context: Context) -> Host:
    """Return the host that the browser asked at; where nobody says it well, our own."""
    name = "Host"
    if FORWARDED_HOST in request.headers and is_from_proxy(request, context):
        name = FORWARDED_HOST
    value = find_single(request.headers, name)
    host = parse_host(value) if isinstance(value, str) else Deny(Reason.HOST_MALFORMED)
    return context.public.host if isinstance(host, Deny) else host


def find_origin(headers: Headers) -> str | None:
    """Return the `Origin` of the page that asks; one that stands twice is nobody's."""
    origin = find_single(headers, ORIGIN)
    return origin if isinstance(origin, str) else None


def is_welcome(request: web.BaseRequest, context: Context) -> bool:
    """Say whether a request that sets or bears a cookie comes from a page that may make it.

    Our own pages may, and so may no page at all, and a frontend of `cors.origins` where that may
    read the answer too. Frontends speak JSON; a form from there is refused, since browsers send
    forms without a preflight. So they do with what has no body.
    """
    if read_site(request.headers, context.public.origin)[0] is Site.SAME_ORIGIN:
        return True
    return (
        media_type(request) != FORM
        and is_for_frontends(request, context)
        and find_origin(request.headers) in context.cors_origins
    )


def is_for_frontends(request: web.BaseRequest, context: Context) -> bool:
    """Say whether the frontends of `cors.origins` may ask for this path."""
    path = request.path.removeprefix(context.public.path)
    return path in CORS_PATHS or f"{path}/".startswith(CORS_FOLDER)


def says_where(headers: Headers) -> bool:
    """Say whether the browser says where it was; those of today do, whatever the page wants."""
    return FETCH_SITE in headers or ORIGIN in headers


def find_device(request: web.BaseRequest, context: Context) -> Device:
    """Return from where a request came, as sessions and the trail keep it, and as attempts count.

    Where a trusted hop says what is no address, that is the peer's own, which nobody can make up:
    else its clients would count nowhere. `networks` are about `find_client` alone.
    """
    address = _read_client(request, context)
    if isinstance(address, Deny):
        peer = find_peer(request)
        address = THIS_MACHINE if peer is None else parse_address(peer)
    agent = request.headers.get("User-Agent")
    return Device.of(None if address is None else str(address), agent)


def describe_request(request: web.BaseRequest, context: Context) -> dict[str, str | None]:
    """Return what a log line says of a request: nothing that was typed or shown."""
    address = find_client(request, context)
    return {
        "request_id": request[REQUEST_ID],
        "address": None if address is None else str(address),
    }


def log_refusal(
    request: web.BaseRequest,
    context: Context,
    refusal: Deny | Throttled,
    what: str,
    **more: str | None,
) -> None:
    """Write the one line about a `what` (login, refresh, …) that was refused."""
    reason = TOO_MANY_ATTEMPTS if isinstance(refusal, Throttled) else refusal.reason.value
    extra = {"reason": reason, **describe_request(request, context), **more}
    if isinstance(refusal, Deny) and refusal.subject is not None:
        extra["sub"] = refusal.subject
    log.info("%s refused", what, extra=extra)


def refuse(
    request: web.BaseRequest,
    context: Context,
    refusal: Deny | Throttled,
    what: str,
    **more: str | None,
) -> web.Response:
    """Say in the log that a `what` was refused, and return the answer."""
    log_refusal(request, context, refusal, what, **more)
    return refuse_caller(request[REQUEST_ID], refusal)
