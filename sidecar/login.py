"""Authenticate somebody and open their session."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sidecar.core.audit import Device
from sidecar.core.encoding import to_base64url
from sidecar.core.grant import PASSWORD_AMR
from sidecar.core.session import SID_OCTETS, Session, SessionKind
from sidecar.core.throttle import Throttled
from sidecar.core.user import User, canonical_username
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.mint import CookieGrant, Mint, TokenGrant
from sidecar.credentials.passwords import PasswordHasher
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, AccountStore, Entry, SessionBound


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed to log in, and from where; `otp` is the code of their second factor."""

    username: str
    password: str = field(repr=False)
    device: Device
    otp: str | None = field(default=None, repr=False)


class Login:
    """Logs people in by their password, from a device.

    `publish` makes the end of the sessions hold that a new one is too many for.
    """

    def __init__(
        self,
        accounts: AccountStore,
        passwords: PasswordHasher,
        mint: Mint,
        bound: SessionBound,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._mint = mint
        self._bound = bound
        self._publish = publish

    async def log_in_bearer(
        self, attempt: Attempt, now: int
    ) -> tuple[User, TokenGrant] | Deny | Throttled:
        """Open a session that is borne by tokens; return who it is and what they are given."""
        ttl = self._mint.lifetimes.bearer_session
        opened = await self._open_session(attempt, SessionKind.BEARER, now, ttl)
        if not isinstance(opened, tuple):
            return opened
        account, session = opened
        return account.user, self._mint.bearer(account, session, now)

    async def log_in_cookie(
        self, attempt: Attempt, now: int, *, remember: bool
    ) -> tuple[User, CookieGrant] | Deny | Throttled:
        """Open a session that is borne by a cookie; return who it is and what they are given."""
        lifetimes = self._mint.lifetimes
        ttl = lifetimes.remembered_session if remember else lifetimes.cookie_session
        opened = await self._open_session(attempt, SessionKind.COOKIE, now, ttl)
        if not isinstance(opened, tuple):
            return opened
        account, session = opened
        return account.user, self._mint.cookie(account, session, now, remember=remember)

    async def _open_session(
        self, attempt: Attempt, kind: SessionKind, now: int, ttl: int
    ) -> tuple[Account, Session] | Deny | Throttled:
        account = await self._authenticate(attempt.username, attempt.password)
        if isinstance(account, Deny):
            return account
        access = min(self._mint.lifetimes.access, ttl)
        session = Session(
            sid=to_base64url(secrets.token_bytes(SID_OCTETS)),
            user_id=account.user.id,
            kind=kind,
            generation=0,
            created_at=now,
            rotated_at=now,
            tokens_until=now + (access if kind is SessionKind.BEARER else ttl),
            expires_at=now + ttl,
            amr=PASSWORD_AMR,
            used_at=now,
            device=attempt.device,
        )
        ended = await self._accounts.add_session(session, account.epoch, self._bound)
        if ended is None:
            # The rights of this account moved while its password was being checked.
            raise StoreUnavailable("the account changed during the login; try again")
        await self._publish(ended)
        return account, session

    async def _authenticate(self, username: str, password: str) -> Account | Deny:
        """Return the account; unknown or disabled costs and answers like a wrong password."""
        name = canonical_username(username)
        with self._passwords.place() as check:
            account = None if name is None else await self._accounts.find_account(name)
            good = await check(password, account.password_hash if account else None)
        if account is None or account.user.disabled or not good:
            return Deny(Reason.INVALID_CREDENTIALS)
        return account
