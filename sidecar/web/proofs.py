"""The present password of somebody who is logged in, before what needs it."""

from aiohttp import web

from sidecar.core.throttle import Throttled
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.login import Attempt
from sidecar.ports import Account
from sidecar.web.context import Context
from sidecar.web.devices import find_shown_device
from sidecar.web.requests import find_device


async def prove_password(
    request: web.Request, context: Context, caller: VerifiedToken, password: str, now: int
) -> Account | Deny | Throttled:
    """Return the account of the caller, whose password this is; it is an attempt like a login.

    `now` is Unix seconds. REVOKED_USER: their username went to somebody else a moment ago. Raises
    Unavailable.
    """
    name, known = caller.claims.preferred_username or "", find_shown_device(request)
    attempt = Attempt(name, password, find_device(request, context), known=known)
    account = await context.login.check_password(attempt, now)
    if isinstance(account, Account) and account.user.id != caller.claims.sub:
        return Deny(Reason.REVOKED_USER)
    return account
