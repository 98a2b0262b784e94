"""A login that has begun in a browser: what it is given, and what ends with it."""

import logging

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.user import User
from sidecar.core.verdict import Deny
from sidecar.credentials.opening import Credential
from sidecar.login import Begun
from sidecar.web.context import Context
from sidecar.web.cookies import find_own_cookies, set_session_cookie
from sidecar.web.devices import set_device_cookie
from sidecar.web.requests import describe_request

log = logging.getLogger("sidecar.login")


async def welcome(
    answer: web.Response, request: web.Request, context: Context, begun: Begun
) -> web.Response:
    """Give a browser its new session, and end those of the cookies that it came with.

    Whoever planted one of those must not share what its owner does from here on. They end once
    the new session is there: a login that fails ends nothing. Raises StoreUnavailable.
    """
    log_login(request, context, begun.user, begun.sid, "cookie")
    await end_cookies(request, context)
    set_session_cookie(answer, request, context, begun.grant)
    set_device_cookie(answer, begun.known)
    return answer


async def end_cookies(request: web.Request, context: Context) -> None:
    """End the sessions of the cookies that came, which the answer takes back."""
    for text in find_own_cookies(request, context.jar.name):
        opened = context.gate.open_credential(Credential(TokenKind.SESSION, text))
        if not isinstance(opened, Deny):
            await context.revocations.end_session_of(opened.claims, read_clock().unix)


def log_login(request: web.Request, context: Context, user: User, sid: str, kind: str) -> None:
    """Say who logged in, what they were given, and what `sidecar revoke --session` takes."""
    who = {"sub": user.id, "username": user.username, "sid": sid}
    log.info("logged in", extra={**who, "kind": kind, **describe_request(request, context)})
