"""Our session cookie, set and taken back."""

from aiohttp import web

from sidecar.credentials.mint import CookieGrant
from sidecar.web.context import Context
from sidecar.web.requests import find_asked_host


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
