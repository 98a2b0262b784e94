"""What a person sees in the place of a problem: a page that says so, with the id of the request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from sidecar.core.verdict import Reason
from sidecar.errors import RETRY_AFTER
from sidecar.web.context import CONTEXT
from sidecar.web.headers import REQUEST_ID_HEADER
from sidecar.web.middlewares import Handler
from sidecar.web.navigation import wants_page
from sidecar.web.pages.render import fill_page
from sidecar.web.problems import Problem

# Which text of the section `error` tells of a status.
TEXTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_TIMEOUT: "stalled",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.PRECONDITION_FAILED: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
ANY_OTHER: Final = "malformed"


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write a page over a problem where a person looks at it; all but the body stays."""
    answer = await handler(request)
    if isinstance(answer, Problem) and wants_page(request.headers):
        await _show(answer, request)
    return answer


async def _show(answer: Problem, request: web.Request) -> None:
    context = request.app[CONTEXT]
    say = context.pages.say
    key = TEXTS.get(answer.status, ANY_OTHER)
    if answer.word == Reason.CROSS_SITE:
        key = "cross_site"
    seconds = answer.headers.get("Retry-After", str(RETRY_AFTER))
    await fill_page(
        answer,
        context,
        "message.html",
        title=say(f"error.{key}_title"),
        texts=[say(f"error.{key}", seconds=seconds)],
        request_id=f"{answer.headers[REQUEST_ID_HEADER]} ({answer.word})",
        links=[(context.login_url, say("error.home"))],
    )
