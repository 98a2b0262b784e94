"""What stands around the handlers of the route table: the error boundary, and CORS.

What goes wrong in a handler becomes an answer with a request id, never a traceback. `/verify` and
what is no request at all do not come by here: they are answered in web/protocol.py.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from sidecar.errors import (
    BodyMalformed,
    FactorExists,
    FieldsInvalid,
    LastAdministrator,
    NameTaken,
    NotFound,
    PreconditionRequired,
    SidecarError,
    TooManyTokens,
    Unavailable,
    UserDisabled,
    VersionMismatch,
)
from sidecar.web.context import CONTEXT, Context
from sidecar.web.headers import REQUEST_ID_HEADER, SERVER
from sidecar.web.problems import problem
from sidecar.web.requests import (
    REQUEST_ID,
    find_origin,
    identify,
    is_for_frontends,
    take_turn,
)
from sidecar.web.responses import no_content, unavailable

REASONS: Final = {
    404: "not_found",
    405: "method_not_allowed",
    408: "body_stalled",
    413: "body_too_large",
    415: "unsupported_media_type",
}
# What a use case says of what it was asked for; the texts are the operator's, not the client's.
CONFLICTS: Final[Mapping[type[SidecarError], tuple[int, str]]] = {
    NotFound: (404, "not_found"),
    NameTaken: (409, "name_taken"),
    LastAdministrator: (409, "last_administrator"),
    TooManyTokens: (409, "too_many_tokens"),
    FactorExists: (409, "otp_enabled"),
    UserDisabled: (409, "user_disabled"),
    VersionMismatch: (412, "version_mismatch"),
    PreconditionRequired: (428, "precondition_required"),
}
CORS_MAX_AGE: Final = 600  # seconds for which a browser remembers a preflight
CORS_EXPOSED: Final = "ETag, X-Request-Id, Retry-After, WWW-Authenticate"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("sidecar.web")


@web.middleware
async def error_boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever is raised, and give every answer the id of its request."""
    request_id = request[REQUEST_ID] = identify(request, request.app[CONTEXT])
    try:
        answer = await handler(request)
    except (web.HTTPException, BodyMalformed, FieldsInvalid, Unavailable) as error:
        answer = _answer_error(error, request_id)
    except tuple(CONFLICTS) as error:
        status, reason = CONFLICTS[type(error)]
        answer = problem(status, reason, request_id=request_id)
    except Exception:
        log.exception("a bug", extra={"request_id": request_id})
        answer = problem(500, "internal", request_id=request_id)
    return _stamp(answer, request_id)


@web.middleware
async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request begin in its turn."""
    await take_turn(request)
    return await handler(request)


def _stamp(answer: web.StreamResponse, request_id: str) -> web.StreamResponse:
    answer.headers[REQUEST_ID_HEADER] = request_id
    answer.headers["Server"] = SERVER
    return answer


def _answer_error(
    error: web.HTTPException | BodyMalformed | FieldsInvalid | Unavailable, request_id: str
) -> web.Response:
    match error:
        case BodyMalformed():
            return problem(400, "body_malformed", request_id=request_id, detail=str(error))
        case FieldsInvalid():
            return problem(422, "fields_invalid", request_id=request_id, errors=error.errors)
        case Unavailable():
            log.warning("unavailable", extra={"request_id": request_id, "cause": str(error)})
            return unavailable(request_id)
        case web.HTTPMethodNotAllowed():
            allow = ", ".join(sorted(error.allowed_methods))
            return problem(405, REASONS[405], request_id=request_id, headers={"Allow": allow})
        case web.HTTPException():
            reason = REASONS.get(error.status, "malformed")
            answer = problem(error.status, reason, request_id=request_id)
            if error.status in {408, 413}:
                answer.force_close()  # the rest of the body is still to come
            return answer


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the frontends of `cors.origins` read the answers that are for them (Fetch, 3.2).

    It stands around the error boundary: a frontend has to read refusals and errors too.
    """
    context = request.app[CONTEXT]
    if not is_for_frontends(request, context):
        return await handler(request)
    origin = find_origin(request.headers)
    if origin not in context.cors_origins:
        answer = await handler(request)
    elif request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        answer = _share(_answer_preflight(request, context), origin)
    else:
        answer = _share(await handler(request), origin)
    answer.headers.add("Vary", "Origin")  # also where it is refused: a cache must not mix the two
    return answer


def _answer_preflight(request: web.Request, context: Context) -> web.StreamResponse:
    answer = no_content()
    answer.headers["Access-Control-Allow-Methods"] = "DELETE, GET, PATCH, POST"
    answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-Match"
    answer.headers["Access-Control-Max-Age"] = str(CORS_MAX_AGE)
    return _stamp(answer, identify(request, context))


def _share(answer: web.StreamResponse, origin: str) -> web.StreamResponse:
    answer.headers["Access-Control-Allow-Origin"] = origin
    answer.headers["Access-Control-Allow-Credentials"] = "true"
    answer.headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
    return answer
