"""Our session cookie, set and taken back."""

from typing import Final

from aiohttp import web

from sidecar.credentials.mint import CookieGrant
from sidecar.web.context import Context
from sidecar.web.requests import find_asked_host

# W3C Clear Site Data, section 3.1. Both are of our origin alone, which may be that of a frontend:
# what it kept of whoever was logged in goes too. `cookies` would take those of every service of
# the registrable domain, which are not ours.
CLEARED: Final = '"cache", "storage"'


def set_session_cookie(
    answer: web.Response, request: web.Request, context: Context, grant: CookieGrant
) -> None:
    """Set the cookie for the longest domain that holds the host that the browser asked at."""
    answer.set_cookie(
        context.jar.name,
        grant.cookie,
        domain=context.jar.find_domain(find_asked_host(request, context).name),
        max_age=grant.max_age,
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def expire_session_cookie(answer: web.Response, request: web.Request, context: Context) -> None:
    """Take the cookie back."""
    answer.del_cookie(
        context.jar.name,
        domain=context.jar.find_domain(find_asked_host(request, context).name),
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def clear_browser(answer: web.Response, request: web.Request, context: Context) -> None:
    """Take the cookie back, and have the browser drop what our origin left in it."""
    expire_session_cookie(answer, request, context)
    answer.headers["Clear-Site-Data"] = CLEARED
