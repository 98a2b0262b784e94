"""What is given for what: a function for each `grant_type` (RFC 6749 sections 4.4, 6; RFC 8693)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from aiohttp import web

from sidecar.clock import Now
from sidecar.core.client import narrow_audience
from sidecar.core.grant import narrow_scopes
from sidecar.core.verdict import Deny
from sidecar.ports import ClientAccount
from sidecar.rotation import RefusedRefresh
from sidecar.web.context import Context
from sidecar.web.oauth.forms import OAuthForm, refuse_missing
from sidecar.web.oauth.refusals import OAuthError, OAuthRefusal, refuse_client
from sidecar.web.requests import find_client, find_device

UNKNOWN_RESOURCE: Final = OAuthRefusal(
    OAuthError.INVALID_TARGET, "a resource is none of those that this client's tokens are for"
)
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"
UNKNOWN_SCOPE: Final = OAuthRefusal(
    OAuthError.INVALID_SCOPE, "a scope is none of those that could be given"
)


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A request for a token; `account` is the program that asks, None where none does."""

    request: web.Request
    context: Context
    form: OAuthForm
    account: ClientAccount | None
    now: Now


Grant = Callable[[GrantRequest], Awaitable[Mapping[str, Any] | OAuthRefusal]]


async def grant_to_program(asked: GrantRequest) -> Mapping[str, Any] | OAuthRefusal:
    """Give a program an access token of its own, with the scopes and for whom it asks."""
    account = asked.account
    if account is None:
        return refuse_client("no credential of a client")
    scopes = narrow_scopes(account.client.scopes, asked.form.get("scope"))
    if scopes is None:
        return UNKNOWN_SCOPE
    audience = narrow_audience(account.client, asked.form.resources)
    if audience is None:
        return UNKNOWN_RESOURCE
    return asdict(asked.context.mint.program(account, scopes, audience, asked.now.unix))


async def refresh(asked: GrantRequest) -> Mapping[str, Any] | OAuthRefusal:
    """Give the next tokens for a refresh token, which only people's logins have."""
    token = asked.form.get("refresh_token")
    if token is None:
        return refuse_missing("refresh_token")
    if asked.account is not None:
        return refuse_grant("a program shows a person's refresh token")
    if asked.form.resources:  # it would get more than it asks for
        return UNKNOWN_RESOURCE
    scope = asked.form.get("scope")
    grant = await asked.context.rotation.refresh(
        token,
        asked.now.unix,
        find_device(asked.request, asked.context),
        None if scope is None else frozenset(scope.split(" ")),
    )
    if isinstance(grant, RefusedRefresh):
        return UNKNOWN_SCOPE if grant.of_scope else refuse_grant(grant.cause, sid=grant.sid)
    return asdict(grant)


async def exchange(asked: GrantRequest) -> Mapping[str, Any] | OAuthRefusal:
    """Give a short access token for a personal token (RFC 8693), to whoever shows it."""
    form, context, now = asked.form, asked.context, asked.now
    text = form.get("subject_token")
    if text is None:
        return refuse_missing("subject_token")
    if form.get("subject_token_type") != ACCESS_TOKEN_TYPE:
        return _refuse_exchange("subject_token_type must be that of an access token")
    if form.get("requested_token_type") not in {None, ACCESS_TOKEN_TYPE}:
        return _refuse_exchange("requested_token_type must be that of an access token")
    if form.get("actor_token") is not None:
        return _refuse_exchange("nobody acts for somebody else here")
    if form.resources or form.get("audience") is not None:  # it would get more than it asks for
        return UNKNOWN_RESOURCE
    shown = (await context.shown.show(text, now)).at(find_client(asked.request, context))
    token = context.gate.judge_shown(shown, now)
    if isinstance(token, Deny):
        sub = None if shown.token is None else shown.token.claims.sub
        return _refuse_exchange("the subject_token is not good", token.reason.value, sub=sub)
    scopes = narrow_scopes(tuple(token.claims.scope.split()), form.get("scope"))
    if scopes is None:
        return UNKNOWN_SCOPE
    given = context.mint.personal(token.claims, scopes, shown.expires_at, now.unix)
    return {**asdict(given), "issued_token_type": ACCESS_TOKEN_TYPE}


def _refuse_exchange(
    description: str, cause: str | None = None, **more: str | None
) -> OAuthRefusal:
    """Return the refusal of an exchange (RFC 8693 section 2.2.2)."""
    return OAuthRefusal(OAuthError.INVALID_REQUEST, description, cause, more)


def refuse_grant(cause: str, **more: str | None) -> OAuthRefusal:
    """Return the refusal of a grant, which never tells why."""
    return OAuthRefusal(OAuthError.INVALID_GRANT, "the grant is not good", cause, more)


GRANTS: Final[Mapping[str, Grant]] = {
    "client_credentials": grant_to_program,
    "refresh_token": refresh,
    "urn:ietf:params:oauth:grant-type:token-exchange": exchange,
}
