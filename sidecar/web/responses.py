"""The only place where a verdict or a reason becomes status, headers and body."""

import json
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from sidecar.core.claims import Claims
from sidecar.core.facts import RequestFacts
from sidecar.core.redirect import LONGEST_REDIRECT
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import RETRY_AFTER
from sidecar.settings import Dialect
from sidecar.web.headers import COOKIE, REQUEST_ID_HEADER
from sidecar.web.rendered import RenderedAllow, render_line

SERVER: Final = "sidecar"  # without a version
NO_STORE: Final = "no-store"
PROBLEM: Final = "application/problem+json"

# Every reason has one status at the gate and, by the same table, everywhere else; what a malformed
# question is called differs by dialect (nginx makes a 500 of everything but 2xx, 401 and 403).
MALFORMED: Final = 0
STATUSES: Final[Mapping[Reason, int]] = {
    Reason.NO_RULE: 403,
    Reason.ROLE_MISSING: 403,
    Reason.CROSS_SITE: 403,
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
UNAUTHORIZED: Final = 401  # every reason that is not in the table
MALFORMED_STATUSES: Final = {Dialect.NGINX: 403, Dialect.TRAEFIK: 400}
CHALLENGES: Final[Mapping[Reason, str]] = {  # RFC 6750 section 3.1
    Reason.NO_CREDENTIAL: "Bearer",
    Reason.INVALID_CREDENTIALS: "Bearer",
    Reason.INVALID_GRANT: "Bearer",
    Reason.TWO_CREDENTIALS: 'Bearer error="invalid_request"',
    Reason.CREDENTIAL_MALFORMED: 'Bearer error="invalid_request"',
}
INVALID_TOKEN: Final = 'Bearer error="invalid_token"'

ASSERTION: Final = "X-Auth-Assertion"
IDENTITY: Final = (
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
    "X-Auth-Subject",
    "X-Auth-Scope",
)
REMEMBERED: Final = 4096  # tokens whose encoded identity is kept: encoding costs more than deciding
NO_LOGIN_HELPS: Final = frozenset({Reason.TWO_CREDENTIALS, Reason.CREDENTIAL_MALFORMED})

# Visible ASCII but the percent sign; what else stands in a value is percent-encoded, so that
# decoding is exact.
_VISIBLE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
_IN_A_LIST: Final = _VISIBLE.replace(",", "")


def encode_value(text: str, safe: str = _VISIBLE) -> str:
    """Return `text` as a header value.

    The characters of `safe` and inner spaces, all else percent-encoded UTF-8.
    """
    inner = quote(text, safe=safe + " ")
    lead = len(inner) - len(inner.lstrip(" "))
    tail = len(inner) - len(inner.rstrip(" ")) if lead < len(inner) else 0
    return "%20" * lead + inner[lead : len(inner) - tail] + "%20" * tail


@lru_cache(maxsize=REMEMBERED)
def _render_identity(claims: Claims | None) -> bytes:
    """Return what every 200 about these claims has: all identity headers, empty for nobody."""
    values = dict.fromkeys(IDENTITY, "")
    if claims is not None:
        values["Remote-User"] = encode_value(claims.preferred_username)
        values["Remote-Name"] = encode_value(claims.name or "")
        values["Remote-Email"] = encode_value(claims.email or "")
        values["Remote-Groups"] = ",".join(encode_value(r, safe=_IN_A_LIST) for r in claims.roles)
        values["X-Auth-Subject"] = encode_value(claims.sub)
        values["X-Auth-Scope"] = encode_value(claims.scope)
    values["Cache-Control"] = NO_STORE
    values["Server"] = SERVER
    return b"".join(render_line(name, value) for name, value in values.items())


def allow(
    claims: Claims | None, assertion: str, cookie: str | None, request_id: str
) -> RenderedAllow:
    """Return the 200 of an allow: the headers are for the upstream, the body is empty."""
    own = f"{ASSERTION}: {assertion}\r\n{REQUEST_ID_HEADER}: {request_id}\r\n"
    lines = _render_identity(claims) + own.encode("ascii")
    return RenderedAllow(lines if cookie is None else lines + render_line(COOKIE, cookie))


def refuse(
    refusal: Deny, dialect: Dialect, way_back: RequestFacts | None, login_url: str, request_id: str
) -> web.Response:
    """Return the refusal of a question in the manner of its dialect."""
    status = STATUSES.get(refusal.reason, UNAUTHORIZED)
    if status == MALFORMED:
        return problem(MALFORMED_STATUSES[dialect], refusal.reason, request_id=request_id)
    headers: dict[str, str] = {}
    if status == UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGES.get(refusal.reason, INVALID_TOKEN)
        if way_back is not None and refusal.reason not in NO_LOGIN_HELPS:
            headers["Location"] = _render_login(login_url, way_back.url)
            if dialect is not Dialect.NGINX:
                del headers["WWW-Authenticate"]
                safe = way_back.method in {"GET", "HEAD"}
                status = HTTPStatus.FOUND if safe else HTTPStatus.SEE_OTHER
    return problem(status, refusal.reason, request_id=request_id, headers=headers)


def _render_login(login_url: str, url: str) -> str:
    """Return the address of the login page; a way back that it would drop is not sent along."""
    return login_url if len(url) > LONGEST_REDIRECT else f"{login_url}?rd={quote(url, safe='')}"


def problem(
    status: int,
    reason: str,
    *,
    request_id: str,
    detail: str | None = None,
    errors: tuple[tuple[str, str], ...] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return an error as RFC 9457 has it.

    `errors` are (JSON pointer, what is wrong with that field).
    """
    members: dict[str, object] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "reason": str(reason),
        "request_id": request_id,
    }
    if detail is not None:
        members["detail"] = detail
    if errors:
        members["errors"] = [{"pointer": pointer, "detail": text} for pointer, text in errors]
    answer = web.Response(
        status=status, body=json.dumps(members).encode("ascii"), content_type=PROBLEM
    )
    answer.headers.update(headers or {})
    answer.headers["Cache-Control"] = NO_STORE
    answer.headers[REQUEST_ID_HEADER] = request_id
    answer.headers["Server"] = SERVER
    return answer


def unavailable(request_id: str) -> web.Response:
    """Return the 503 of a moment in which nothing can be told.

    The cause names files and hosts of ours: it stands in the log only.
    """
    return problem(
        503,
        "unavailable",
        request_id=request_id,
        detail="nothing can be told at this moment: try again",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def answer_json(members: object, status: int = 200) -> web.Response:
    """Return a JSON answer that nobody keeps."""
    return web.Response(
        status=status,
        body=json.dumps(members).encode("ascii"),
        content_type="application/json",
        headers={"Cache-Control": NO_STORE},
    )


def refuse_caller(request_id: str, refusal: Deny) -> web.Response:
    """Return the refusal of who calls this service itself."""
    status = STATUSES.get(refusal.reason, UNAUTHORIZED)
    headers = {}
    if status == UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGES.get(refusal.reason, INVALID_TOKEN)
    return problem(status or 400, refusal.reason, request_id=request_id, headers=headers)


def no_content() -> web.Response:
    """Return the 204 of what has been done."""
    return web.Response(status=204, headers={"Cache-Control": NO_STORE})


def see_other(location: str) -> web.Response:
    """Send a browser on with a GET (RFC 9110 section 15.4.4)."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": NO_STORE})
