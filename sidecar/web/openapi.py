"""The OpenAPI document, made of the route table and what web/documented.py says of each route."""

import json
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from sidecar import __version__
from sidecar.schemas.answers import ProblemSchema
from sidecar.schemas.oauth import OAuthErrorSchema
from sidecar.schemas.openapi import (
    JSON,
    PROBLEM,
    Answer,
    Operation,
    describe_problem,
    make_document,
)
from sidecar.schemas.shapes import Shape
from sidecar.web.documented import OAUTH, PUBLISHED, ROWS, UNDOCUMENTED
from sidecar.web.middlewares import Handler
from sidecar.web.requests import FORM
from sidecar.web.routes import PUBLIC
from sidecar.web.rows import Row, Version, Who

IF_MATCH: Final = {
    "type": "string",
    "description": "the `ETag` of what the caller has seen; `*`: any",
}
RETRY: Final = {"Retry-After": "seconds until it is worth another try"}
CHALLENGE: Final = {"WWW-Authenticate": "what would do (RFC 6750, RFC 9470)"}
VERSION: Final = {"ETag": "the version, which a change names in `If-Match`"}
PLACE: Final = {"Location": "the address of what was made"}

SUCCESSES: Final = {200: "it is so", 201: "it was made", 204: "it was done", 304: "it is the same"}
PROBLEMS: Final[Mapping[int, Answer]] = {
    400: describe_problem("Malformed", "the request is malformed"),
    401: describe_problem("Unauthorized", "nobody who may, or not well enough", CHALLENGE),
    403: describe_problem("Forbidden", "somebody, but not allowed to"),
    404: describe_problem("NotFound", "there is no such thing, or it is somebody else's"),
    408: describe_problem("Stalled", "the body stalled"),
    409: describe_problem(
        "Conflict", "it is taken, too many, or would leave nobody who administers"
    ),
    412: describe_problem("Stale", "somebody changed it meanwhile"),
    413: describe_problem("TooLarge", "the body is too large"),
    415: describe_problem("OtherType", "the body is of another type"),
    422: describe_problem("Invalid", "a field is wrong; `errors` say which and why"),
    428: describe_problem("NotSeen", "a change needs `If-Match`"),
    429: describe_problem("TooMany", "too many attempts", RETRY),
    503: describe_problem("Unavailable", "nothing can be told at this moment", RETRY),
}
OAUTH_PROBLEMS: Final[Mapping[int, Answer]] = {
    400: Answer(
        "it is refused (RFC 6749 section 5.2)", {JSON: OAuthErrorSchema()}, name="OAuthError"
    ),
    401: Answer(
        "the caller is not authenticated",
        {JSON: OAuthErrorSchema(), PROBLEM: ProblemSchema()},
        CHALLENGE,
        "OAuthUnauthorized",
    ),
}


@lru_cache(maxsize=1)
def dump_openapi(base: str, cookie: str) -> bytes:
    """Return the document as JSON text; `base` is `public_url`, `cookie` the session cookie's name.

    It says what this version answers, not who asks: it is the same for everybody, and made once.
    """
    operations = [
        _describe(method, path, handler, ROWS[method, path])
        for method, path, handler in PUBLIC
        if (method, path) not in UNDOCUMENTED
    ]
    document = make_document(
        operations, _describe_credentials(cookie), version=__version__, server=base
    )
    return json.dumps(document).encode("ascii")


def _describe_credentials(cookie: str) -> dict[str, dict[str, Any]]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "the access token of a login",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "the session of a browser; unsafe methods need"
            " `Sec-Fetch-Site: same-origin` or `none`, or our own `Origin`",
        },
        "client": {
            "type": "http",
            "scheme": "basic",
            "description": "`client_id` and `client_secret` of a program",
        },
    }


def _describe(method: str, path: str, handler: Handler, row: Row) -> Operation:
    summary, _, rest = (handler.__doc__ or "").strip().partition("\n\n")
    lines = [" ".join(part.split()) for part in (summary, *rest.split("\n\n"))]
    versions = {
        Version.UNREAD: {},
        Version.OPTIONAL: {"If-Match": (IF_MATCH, False)},
        Version.REQUIRED: {"If-Match": (IF_MATCH, True)},
    }
    return Operation(
        method=method,
        path=path,
        summary=lines[0].removesuffix("."),
        description="\n\n".join(filter(None, lines[1:])),
        tag=row.tag,
        security=row.who.value,
        answers=_list_answers(path, row),
        body=row.takes,
        body_media=FORM if row.is_form else JSON,
        body_required=not row.may_be_empty,
        query=row.query,
        headers=versions[row.version],
    )


def _list_answers(path: str, row: Row) -> dict[int, Answer]:
    """Return all answers by status: those of the row, and the errors that follow from it."""
    found = {status: _describe_success(status, shape, row) for status, shape in row.gives.items()}
    errors = set(row.errors)
    if row.tag != PUBLISHED:
        errors.add(503)
    if row.who is not Who.ANYBODY:
        errors |= {401, 403}
    if row.takes is not None:
        errors |= {400, 408, 413} | (set() if row.is_form else {415, 422})
    if row.query is not None:
        errors.add(422)
    if "{" in path:
        errors.add(404)
    if row.version is not Version.UNREAD:
        errors.add(412)
    if row.version is Version.REQUIRED:
        errors.add(428)
    problems = {**PROBLEMS, **(OAUTH_PROBLEMS if row.tag == OAUTH else {})}
    return found | {status: problems[status] for status in sorted(errors)}


def _describe_success(status: int, shape: Shape | None, row: Row) -> Answer:
    headers = PLACE if status == HTTPStatus.CREATED else {}
    if row.has_version:
        headers = headers | VERSION
    return Answer(SUCCESSES[status], {} if shape is None else {JSON: shape}, headers)
