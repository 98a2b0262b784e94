"""Who asks at an OAuth endpoint: a program by its secret, a person by a bearer token, or nobody."""

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.client import is_client_id
from sidecar.core.grant import OWN_CLIENT
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny
from sidecar.ports import ClientAccount
from sidecar.web.callers import judge_person
from sidecar.web.context import Context
from sidecar.web.headers import AUTHORIZATION, find_single
from sidecar.web.oauth.forms import OAuthForm, read_form, refuse_missing
from sidecar.web.oauth.refusals import OAuthError, OAuthRefusal, refuse_client

LONGEST_CLIENT_BASIC: Final = (
    1024  # characters; an id and a secret of ours, each octet escaped, and base64
)
# How a program proves who it is (RFC 6749 section 2.3.1), in the words of the metadata.
SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True)
class ClientCredential:
    """What a program showed, unverified."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """A token that somebody asks about: a program, or the person whose access token came along.

    None is nobody in particular.
    """

    token: str = field(repr=False)
    caller: ClientAccount | VerifiedToken | None


async def authenticate(
    request: web.Request, context: Context, form: OAuthForm
) -> ClientAccount | OAuthRefusal | None:
    """Return the program that asks; None where no program says that it does."""
    shown = _find_credential(request, form)
    if not isinstance(shown, ClientCredential):
        return shown
    account = await context.programs.authenticate(
        shown.client_id, shown.secret, key=context.client_key
    )
    if account is None:
        named = shown.client_id if is_client_id(shown.client_id) else None
        return refuse_client("unknown client, or not a secret of it", client_id=named)
    return account


async def read_question(
    request: web.Request, context: Context
) -> TokenQuestion | OAuthRefusal | Deny:
    """Return what a request says of a token. Raises NoVerdict, and as `read_form` does."""
    form = await read_form(request)
    if isinstance(form, OAuthRefusal):
        return form
    token = form.get("token")
    if token is None:
        return refuse_missing("token")
    caller: ClientAccount | VerifiedToken | OAuthRefusal | Deny | None
    caller = await authenticate(request, context, form)
    if caller is None and is_bearer(request):
        caller = judge_person(request, context, read_clock())
    return caller if isinstance(caller, OAuthRefusal | Deny) else TokenQuestion(token, caller)


def is_bearer(request: web.Request) -> bool:
    """Say whether a bearer token came with a request, be it good or not."""
    return AUTHORIZATION in request.headers


def _find_credential(
    request: web.Request, form: OAuthForm
) -> ClientCredential | OAuthRefusal | None:
    """Return the one credential of a program; two ways at once are refused (section 2.3)."""
    header = find_single(request.headers, AUTHORIZATION)
    if isinstance(header, Deny):
        return _refuse("Authorization stands twice")
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if header is not None and secret is not None:
        return _refuse("the client authenticates in two ways")
    if header is not None:
        scheme, _, rest = header.partition(" ")
        match scheme.lower():
            case "basic":
                shown = parse_basic(rest.strip(" "))
                if shown is None:
                    return refuse_client("malformed Basic")
                if client_id not in {None, shown.client_id}:
                    return _refuse("client_id is not that of the Authorization header")
                return shown
            case "bearer":
                return None
            case _:
                return refuse_client("a scheme of Authorization that is not known")
    if secret is not None:
        return (
            _refuse("client_id is missing")
            if client_id is None
            else ClientCredential(client_id, secret)
        )
    if client_id in {None, OWN_CLIENT}:  # the client of people has no secret
        return None
    return refuse_client("a client_id without a secret")


def parse_basic(text: str) -> ClientCredential | None:
    """Return what `Basic` holds: both parts as a form spells them (RFC 6749 section 2.3.1)."""
    if len(text) > LONGEST_CLIENT_BASIC:
        return None
    try:
        client_id, colon, secret = b64decode(text, validate=True).decode("ascii").partition(":")
        parts = [unquote_plus(part, errors="strict") for part in (client_id, secret)]
    except ValueError:
        return None
    return ClientCredential(*parts) if colon else None


def _refuse(description: str) -> OAuthRefusal:
    return OAuthRefusal(OAuthError.INVALID_REQUEST, description)
