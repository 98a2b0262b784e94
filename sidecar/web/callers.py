"""Who calls this service itself, and what they may: people, administrators, and nobody else."""

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.audit import Author
from sidecar.core.claims import TokenKind
from sidecar.core.grant import PERSONAL_AMR
from sidecar.core.origin import SAFE_METHODS
from sidecar.core.throttle import Throttled
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.web.authorization import PersonalCredential
from sidecar.web.context import CONTEXT, Context
from sidecar.web.cookies import expire_contradiction
from sidecar.web.credentials import find_credential
from sidecar.web.headers import FORWARDED_PROTO, find_single, has_too_many_cookies
from sidecar.web.middlewares import Handler
from sidecar.web.requests import (
    FORM,
    JSON,
    REQUEST_ID,
    find_device,
    is_from_proxy,
    is_welcome,
    log_refusal,
    media_type,
    read_body,
    says_where,
)
from sidecar.web.responses import refuse_caller

# What somebody asks for, who is told by their token; and what an administrator does.
PersonsWork = Callable[[web.Request, Context, VerifiedToken], Awaitable[web.StreamResponse]]
AdministratorsWork = Callable[[web.Request, Context, Author], Awaitable[web.StreamResponse]]
Judge = Callable[[web.Request, Context, Now], VerifiedToken | Deny]


def find_caller(request: web.BaseRequest, context: Context) -> Credential | Deny | None:
    """Return the credential of who calls this service itself; a personal token is for the gate."""
    if has_too_many_cookies(request.headers):
        return Deny(Reason.HEADER_TOO_LONG)
    found = find_credential(
        request.headers, context.jar.name, cookie_counts=_cookie_counts(request, context)
    )
    return Deny(Reason.TOKEN_TYPE) if isinstance(found, PersonalCredential) else found


def _cookie_counts(request: web.BaseRequest, context: Context) -> bool:
    """Say whether a cookie came safely: where we are at https, one in the clear may be planted."""
    if context.public.scheme != "https" or not is_from_proxy(request, context):
        return True
    scheme = find_single(request.headers, FORWARDED_PROTO)
    return scheme is None or scheme in {"https", "wss"}


def admit_caller(request: web.BaseRequest, context: Context) -> Credential | Deny:
    """Return the one credential that came with a request, unopened.

    A cookie counts for an unsafe method only from a page that may make the request. Where the
    browser does not say where it was, the caller has to ask for more (`needs_form_token`).
    """
    credential = find_caller(request, context)
    if credential is None:
        return Deny(Reason.NO_CREDENTIAL)
    if isinstance(credential, Deny):
        return credential
    borne_by_cookie = credential.kind is TokenKind.SESSION
    unsafe = request.method not in SAFE_METHODS
    if borne_by_cookie and unsafe and not is_welcome(request, context):
        return Deny(Reason.CROSS_SITE)
    return credential


def needs_form_token(request: web.BaseRequest, kind: TokenKind) -> bool:
    """Say whether a credential of this kind counts only with the token of a form (`judge_form`).

    That is so of a cookie, for an unsafe method, where the browser does not say where it was: any
    page could have made it send this. What takes no form refuses it then.
    """
    unsafe = request.method not in SAFE_METHODS
    return kind is TokenKind.SESSION and unsafe and not says_where(request.headers)


def judge_person(request: web.BaseRequest, context: Context, now: Now) -> VerifiedToken | Deny:
    """Return the token of somebody who logged in: no program's, and none made of a personal token.

    What a script was given must not give itself more. Raises NoVerdict.
    """
    credential = admit_caller(request, context)
    if isinstance(credential, Deny):
        return credential
    token = context.gate.find_bearer(credential, now)
    if isinstance(token, Deny):
        return token
    if token.claims.of_program:
        return Deny(Reason.USER_NOT_LISTED)
    return Deny(Reason.AMR_MISSING) if token.claims.amr == PERSONAL_AMR else token


def judge_administrator(
    request: web.BaseRequest, context: Context, now: Now
) -> VerifiedToken | Deny:
    """Return the token of an administrator who logged in. Raises NoVerdict."""
    token = judge_person(request, context, now)
    if isinstance(token, VerifiedToken) and context.admin_role not in token.principal.roles:
        return Deny(Reason.ROLE_MISSING)
    return token


async def judge_with_body(
    request: web.Request, context: Context, judge: Judge
) -> VerifiedToken | Deny:
    """Return what is said of a caller once their body is there, if it is of a type that is read.

    Nobody's body is waited for who is refused before; and it may have been under way for seconds,
    in which somebody was disabled. Raises as `read_body` does, which keeps what it has read.
    """
    token = judge(request, context, read_clock())
    if isinstance(token, VerifiedToken) and needs_form_token(request, token.kind):
        return Deny(Reason.CROSS_SITE)
    if isinstance(token, Deny) or media_type(request) not in {JSON, FORM}:
        return token
    await read_body(request)
    return judge(request, context, read_clock())


def for_people(work: PersonsWork) -> Handler:
    """Return a handler that does this work for who logged in, and refuses everybody else."""

    @wraps(work)
    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        token = await judge_with_body(request, context, judge_person)
        if isinstance(token, Deny):
            return refuse_request(request, context, token)
        return await work(request, context, token)

    return handle


def for_administrators(work: AdministratorsWork) -> Handler:
    """Return a handler that does this work for administrators, and refuses everybody else."""

    @wraps(work)
    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        token = await judge_with_body(request, context, judge_administrator)
        if isinstance(token, Deny):
            return refuse_request(request, context, token)
        return await work(request, context, find_author(request, context, token))

    return handle


def find_author(request: web.Request, context: Context, token: VerifiedToken) -> Author:
    """Return who does something, and from where, as the audit trail names them."""
    return Author(token.claims.sub, find_device(request, context))


def refuse_request(
    request: web.Request, context: Context, refusal: Deny | Throttled
) -> web.Response:
    """Say in the log who was refused what, and return the answer."""
    caller = find_caller(request, context)
    opened = context.gate.find_opened(caller) if isinstance(caller, Credential) else None
    log_request(request, context, refusal, None if opened is None else opened.claims.sub)
    answer = refuse_caller(request[REQUEST_ID], refusal)
    expire_contradiction(answer, request, context, refusal)
    return answer


def log_request(
    request: web.Request, context: Context, refusal: Deny | Throttled, sub: str | None
) -> None:
    """Say in the log who was refused what.

    The path is that of the route table: in what was typed, a token may stand where an id belongs.
    """
    resource = request.match_info.route.resource
    path = None if resource is None else resource.canonical
    log_refusal(request, context, refusal, "request", method=request.method, path=path, sub=sub)
