"""`/me/otp`, and the second factor of somebody else that an administrator takes away."""

from typing import Final

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.core.throttle import Throttled
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import NotFound
from sidecar.ports import Account
from sidecar.schemas.factors import OTP_CONFIRMATION, OTP_REMOVAL
from sidecar.schemas.requests import load_body
from sidecar.web.callers import find_author, for_administrators, for_people, refuse_request
from sidecar.web.context import Context
from sidecar.web.devices import find_shown_device
from sidecar.web.proofs import prove_password
from sidecar.web.requests import read_json
from sidecar.web.responses import answer_json, no_content
from sidecar.web.stepup import judge_age
from sidecar.web.users import read_user_id

NO_FACTOR: Final = "there is no second factor"


@for_people
async def post_otp(
    request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Begin to set up a second factor for the caller: its secret stands in this answer alone.

    The login has to be a recent one. Raises FactorExists.
    """
    now = read_clock().unix
    too_old = judge_age(caller.principal, now)
    if too_old is not None:
        return refuse_request(request, context, too_old)
    try:
        user, _ = await context.people.find(caller.claims.sub)
        secret, uri = await context.factors.enrol(user, now)
    except NotFound:  # somebody was removed a moment ago: ahead of the feed
        return refuse_request(request, context, Deny(Reason.REVOKED_USER))
    return answer_json({"secret": secret, "otpauth_uri": uri})


@for_people
async def post_otp_confirmation(
    request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Confirm the caller's second factor by a code; the recovery codes stand in this answer alone.

    It is asked for at the next login: this session stays as it is.
    """
    now = read_clock().unix
    too_old = judge_age(caller.principal, now)
    if too_old is not None:
        return refuse_request(request, context, too_old)
    body = load_body(OTP_CONFIRMATION, await read_json(request))
    codes = await confirm_factor(request, context, caller, body.otp, now)
    if not isinstance(codes, tuple):
        return refuse_request(request, context, codes)
    return answer_json({"recovery_codes": codes})


async def confirm_factor(
    request: web.Request, context: Context, caller: VerifiedToken, otp: str, now: int
) -> tuple[str, ...] | Deny | Throttled:
    """Return the recovery codes of a second factor that this code confirms.

    A wrong one is an attempt like a wrong one at the login.
    """
    author = find_author(request, context, caller)
    name, known = caller.claims.preferred_username or "", find_shown_device(request)
    admission = await context.throttle.admit(name, author.device, known, now)
    if isinstance(admission, Throttled):
        return admission
    async with context.throttle.forgiving_outages(admission):
        codes = await context.factors.confirm(caller.claims.sub, otp, author, now)
    if codes is None:
        return Deny(Reason.OTP_INVALID)
    await context.throttle.forgive(admission)
    return codes


@for_people
async def post_otp_removal(
    request: web.Request, context: Context, caller: VerifiedToken
) -> web.StreamResponse:
    """Take the caller's second factor away, for their password. Raises NotFound."""
    body = load_body(OTP_REMOVAL, await read_json(request))
    author, now = find_author(request, context, caller), read_clock().unix
    account = await prove_password(request, context, caller, body.password, now)
    if not isinstance(account, Account):
        return refuse_request(request, context, account)
    if not await context.factors.disable(account.user.id, author, now):
        raise NotFound(NO_FACTOR)
    return no_content()


@for_administrators
async def delete_user_otp(
    request: web.Request, context: Context, author: Author
) -> web.StreamResponse:
    """Take the second factor of a user away who has lost it. Raises NotFound."""
    if not await context.factors.disable(read_user_id(request), author, read_clock().unix):
        raise NotFound(NO_FACTOR)
    return no_content()
