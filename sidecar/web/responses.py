"""The only place where a verdict or a reason becomes a status, with what goes along with it."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from sidecar.core.facts import RequestFacts
from sidecar.core.redirect import LONGEST_REDIRECT
from sidecar.core.throttle import TOO_MANY_ATTEMPTS, Throttled
from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.errors import RETRY_AFTER
from sidecar.settings import Dialect
from sidecar.web.headers import NO_STORE
from sidecar.web.pages.refused import RefusedPages
from sidecar.web.problems import PlainRefusal, challenging, problem
from sidecar.web.stepup import list_step_up

# Every reason has one status at the gate and, by the same table, everywhere else; what a malformed
# question is called differs by dialect (nginx makes a 500 of everything but 2xx, 401 and 403).
MALFORMED: Final = 0
STATUSES: Final[Mapping[Reason, int]] = {
    Reason.NO_RULE: 403,
    Reason.USER_NOT_LISTED: 403,
    Reason.ROLE_MISSING: 403,
    Reason.NETWORK_NOT_ALLOWED: 403,
    Reason.SCOPE_MISSING: 403,
    Reason.CROSS_SITE: 403,
    Reason.CSRF_TOKEN: 403,
    Reason.UNTRUSTED_PEER: 403,
    Reason.HEADER_MISSING: MALFORMED,
    Reason.HEADER_DOUBLED: MALFORMED,
    Reason.HEADER_TOO_LONG: MALFORMED,
    Reason.METHOD_MALFORMED: MALFORMED,
    Reason.SCHEME_MALFORMED: MALFORMED,
    Reason.HOST_MALFORMED: MALFORMED,
    Reason.PATH_AMBIGUOUS: MALFORMED,
    Reason.ADDRESS_MALFORMED: MALFORMED,
    Reason.PARAMETER: MALFORMED,
}
HTML: Final = "text/html; charset=utf-8"
FORBIDDEN: Final = 403
UNAUTHORIZED: Final = 401  # every reason that is not in the table
BAD_REQUEST: Final = 400
MALFORMED_STATUSES: Final = {Dialect.NGINX: 403}  # the others say BAD_REQUEST
CHALLENGES: Final[Mapping[Reason, str]] = {  # RFC 6750 section 3.1, RFC 9470 section 3
    Reason.NO_CREDENTIAL: "Bearer",
    Reason.INVALID_CREDENTIALS: "Bearer",
    Reason.INVALID_GRANT: "Bearer",
    Reason.OTP_REQUIRED: "Bearer",
    Reason.OTP_INVALID: "Bearer",
    Reason.TWO_CREDENTIALS: 'Bearer error="invalid_request"',
    Reason.CREDENTIAL_MALFORMED: 'Bearer error="invalid_request"',
    Reason.AMR_MISSING: 'Bearer error="insufficient_user_authentication"',
    Reason.LOGIN_TOO_OLD: 'Bearer error="insufficient_user_authentication"',
    Reason.SCOPE_MISSING: 'Bearer error="insufficient_scope"',
}
INVALID_TOKEN: Final = 'Bearer error="invalid_token"'

NO_LOGIN_HELPS: Final = frozenset({Reason.TWO_CREDENTIALS, Reason.CREDENTIAL_MALFORMED})


def refuse(
    refusal: Deny,
    dialect: Dialect,
    way_back: RequestFacts | None,
    login_url: str,
    pages: RefusedPages,
    request_id: str,
) -> web.Response | PlainRefusal:
    """Return the refusal of a question in the manner of its dialect.

    `way_back` is what a person asked for, who may be sent to the login page, or sees one of the
    `pages`; None for a program.
    """
    status = STATUSES.get(refusal.reason, UNAUTHORIZED)
    if status == MALFORMED:
        status = MALFORMED_STATUSES.get(dialect, BAD_REQUEST)
        return PlainRefusal(status, refusal.reason, None, request_id)
    challenge = _challenge(refusal, status)
    if way_back is None:
        return PlainRefusal(status, refusal.reason, challenge, request_id)
    headers = challenging(challenge)
    if status == UNAUTHORIZED and refusal.reason not in NO_LOGIN_HELPS:
        headers["Location"] = render_login(login_url, way_back.url, refusal.step_up)
        if dialect is not Dialect.NGINX:
            del headers["WWW-Authenticate"]
            safe = way_back.method in {"GET", "HEAD"}
            status = HTTPStatus.FOUND if safe else HTTPStatus.SEE_OTHER
    answer = problem(status, refusal.reason, request_id=request_id, headers=headers)
    contradicted = refusal.reason in NO_LOGIN_HELPS
    if status == FORBIDDEN or contradicted:
        answer.body = pages.render(request_id, refusal.reason, contradicted=contradicted)
        answer.headers.update(pages.headers)
        answer.headers["Content-Type"] = HTML
    return answer


def _challenge(refusal: Deny, status: int) -> str | None:
    """Return what a program is told to do about a refusal: nothing where nothing helps."""
    challenge = CHALLENGES.get(refusal.reason, INVALID_TOKEN if status == UNAUTHORIZED else None)
    if challenge is not None and refusal.step_up is not None:
        for name, value in list_step_up(refusal.step_up):
            challenge += f', {name}="{value}"'
    return challenge


def render_login(login_url: str, url: str, step_up: StepUp | None) -> str:
    """Return the address of the login page; a way back that it would drop is not sent along."""
    query = [] if len(url) > LONGEST_REDIRECT else [("rd", url)]
    if step_up is not None:
        query += list_step_up(step_up)
    spelled = "&".join(f"{name}={quote(value, safe=',')}" for name, value in query)
    return f"{login_url}?{spelled}" if spelled else login_url


def unavailable(request_id: str) -> web.Response:
    """Return the 503 of a moment in which nothing can be told.

    The cause names files and hosts of ours: it stands in the log only.
    """
    answer = problem(
        503,
        "unavailable",
        request_id=request_id,
        detail="nothing can be told at this moment: try again",
    )
    return ask_to_wait(answer, RETRY_AFTER)


def ask_to_wait(answer: web.Response, seconds: int) -> web.Response:
    """Say for how long another try is not worth it (RFC 9110 section 10.2.3)."""
    answer.headers["Retry-After"] = str(seconds)
    return answer


def answer_json(members: object, status: int = 200) -> web.Response:
    """Return a JSON answer that nobody keeps."""
    return web.Response(
        status=status,
        body=json.dumps(members).encode("ascii"),
        content_type="application/json",
        headers={"Cache-Control": NO_STORE},
    )


def refuse_caller(request_id: str, refusal: Deny | Throttled) -> web.Response:
    """Return the refusal of who calls this service itself."""
    if isinstance(refusal, Throttled):
        answer = problem(429, TOO_MANY_ATTEMPTS, request_id=request_id)
        return ask_to_wait(answer, refusal.retry_after)
    status = STATUSES.get(refusal.reason, UNAUTHORIZED)
    headers = challenging(_challenge(refusal, status) if status == UNAUTHORIZED else None)
    return problem(status or BAD_REQUEST, refusal.reason, request_id=request_id, headers=headers)


def no_content() -> web.Response:
    """Return the 204 of what has been done."""
    return web.Response(status=204, headers={"Cache-Control": NO_STORE})


def see_other(location: str) -> web.Response:
    """Send a browser on with a GET (RFC 9110 section 15.4.4)."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": NO_STORE})
