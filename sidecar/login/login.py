"""Authenticate somebody, by their password and their second factor, and open their session."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sidecar.core.audit import Device
from sidecar.core.grant import OTP_AMR, PASSWORD_AMR
from sidecar.core.session import Session, SessionKind
from sidecar.core.throttle import Throttled
from sidecar.core.ticket import TICKET_TTL, Ticket, open_ticket, seal_ticket
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.factors import FactorKeys
from sidecar.credentials.mint import Mint, TokenGrant, make_sid
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.throttle import Admission, Throttle
from sidecar.errors import StoreUnavailable, Unavailable
from sidecar.login.attempt import Attempt, Begun, CodeWanted
from sidecar.login.lost import refuse_lost
from sidecar.ports import Account, AccountStore, Entry, SessionBound

T = TypeVar("T")


class Login:
    """Logs people in by their password and, where they have one, their second factor.

    `publish` makes the end of the sessions hold that a new one is too many for. `find_least_epoch`
    says which epochs of everyone and of a user are good here. `outcomes` counts
    how attempts ended, by the word for it that answers have, or `ok`. All of it raises
    StoreUnavailable, Overloaded, NoVerdict where no key signs, and FactorUnreadable for a second
    factor that does not open; an attempt that ends so does not count against anybody.
    """

    def __init__(
        self,
        accounts: AccountStore,
        passwords: PasswordHasher,
        throttle: Throttle,
        mint: Mint,
        bound: SessionBound,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        factor_keys: FactorKeys,
        ticket_key: bytes,
        find_least_epoch: Callable[[str], tuple[int, int]],
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._throttle = throttle
        self._mint = mint
        self._bound = bound
        self._publish = publish
        self._factor_keys = factor_keys
        self._ticket_key = ticket_key
        self._find_least_epoch = find_least_epoch
        self.outcomes: Counter[str] = Counter()

    async def log_in_bearer(
        self, attempt: Attempt, now: int
    ) -> tuple[User, TokenGrant, str] | Deny | Throttled:
        """Open a session that is borne by tokens; return who it is, the tokens and its `sid`."""
        ttl = self._mint.lifetimes.bearer_session
        with self._count_unavailable():
            checked = await self._check(attempt, now)
            if not isinstance(checked, tuple):
                return checked
            account, admission = checked
            opened = await self._open_session(
                *(account, admission, attempt.otp, attempt.device, SessionKind.BEARER, now, ttl),
                lambda session: self._mint.bearer(account, session, now),
            )
        if isinstance(opened, Deny):
            return opened
        session, grant = opened
        return account.user, grant, session.sid

    async def log_in_cookie(
        self, attempt: Attempt, now: int, *, remember: bool
    ) -> Begun | CodeWanted | Deny | Throttled:
        """Open a session that is borne by a cookie."""
        with self._count_unavailable():
            checked = await self._check(attempt, now)
            if not isinstance(checked, tuple):
                return checked
            account, admission = checked
            begun = await self._begin(
                account, admission, attempt.otp, attempt.device, now, remember=remember
            )
        if isinstance(begun, Begun):
            return begun
        user = account.user
        ticket = Ticket(user.id, user.username, account.epoch, remember, now + TICKET_TTL)
        return CodeWanted(begun, seal_ticket(self._ticket_key, ticket))

    async def log_in_ticket(
        self, ticket: str, otp: str, device: Device, now: int, known: str | None
    ) -> Begun | Deny | Throttled:
        """Open a session that is borne by a cookie, by the ticket of a CodeWanted and a code.

        OTP_REQUIRED and OTP_INVALID leave the ticket good; INVALID_GRANT says that it is over, or
        none: the password has to be typed again.
        """
        opened = open_ticket(self._ticket_key, ticket, now)
        if opened is None:
            return self._deny(Reason.INVALID_GRANT, None)
        with self._count_unavailable():
            admission = await self._throttle.admit(opened.username, device, known, now)
            if isinstance(admission, Throttled):
                return admission
            async with self._throttle.forgiving_outages(admission):
                account = await self._accounts.find_account(opened.username)
            if (
                account is None
                or account.factor is None  # without a code it is worth nothing
                or account.user.disabled
                or (account.user.id, account.epoch) != (opened.user_id, opened.epoch)
            ):
                return self._deny(Reason.INVALID_GRANT, account)
            return await self._begin(account, admission, otp, device, now, remember=opened.remember)

    async def check_password(self, attempt: Attempt, now: int) -> Account | Deny | Throttled:
        """Return the account; unknown or disabled costs and answers like a wrong password."""
        with self._count_unavailable():
            checked = await self._check(attempt, now)
            if not isinstance(checked, tuple):
                return checked
            account, admission = checked
            await self._throttle.forgive(admission)
            return account

    async def _check(
        self, attempt: Attempt, now: int
    ) -> tuple[Account, Admission] | Deny | Throttled:
        """Return whose password it is; the attempt stays counted until it is settled."""
        typed, device, known = attempt.username, attempt.device, attempt.known
        asked = await self._throttle.recognise(typed, device, known, now)
        # The place comes first: what is turned away for the queue's sake costs no store anything.
        with self._passwords.place_for(asked.crowd, known=asked.has_known_device) as check:
            admission = await self._throttle.admit_asked(asked, now)
            if isinstance(admission, Throttled):
                return admission
            name = asked.username
            async with self._throttle.forgiving_outages(admission):
                account = None if name is None else await self._accounts.find_account(name)
                good = await check(attempt.password, account.password_hash if account else None)
                if account is None or account.user.disabled or not good:
                    return self._deny(Reason.INVALID_CREDENTIALS, account)
                await self._renew_hash(account, attempt.password)
        return account, admission

    async def _renew_hash(self, account: Account, password: str) -> None:
        """Hash a password as it is done today where its hash came from elsewhere, or is older."""
        renewed = await self._passwords.renew(password, account.password_hash)
        if renewed is not None:
            await self._accounts.replace_hash(account.user.id, account.password_hash, renewed)

    def _deny(self, reason: Reason, account: Account | None) -> Deny:
        self.outcomes[reason.value] += 1
        return Deny(reason, subject=None if account is None else account.user.id)

    @contextmanager
    def _count_unavailable(self) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            self.outcomes["unavailable"] += 1
            raise

    async def _begin(
        self,
        account: Account,
        admission: Admission,
        otp: str | None,
        device: Device,
        now: int,
        *,
        remember: bool,
    ) -> Begun | Deny:
        lifetimes = self._mint.lifetimes
        ttl = lifetimes.remembered_session if remember else lifetimes.cookie_session
        opened = await self._open_session(
            *(account, admission, otp, device, SessionKind.COOKIE, now, ttl),
            lambda session: self._mint.cookie(account, session, now, remember=remember),
        )
        if isinstance(opened, Deny):
            return opened
        session, grant = opened
        known = self._throttle.names.seal_device(account.user.username, admission.device)
        return Begun(account.user, session.sid, grant, session.amr, known)

    async def _open_session(
        self,
        account: Account,
        admission: Admission,
        otp: str | None,
        device: Device,
        kind: SessionKind,
        now: int,
        ttl: int,
        seal: Callable[[Session], T],
    ) -> tuple[Session, T] | Deny:
        """Open a session for whom the password was right, if the code is too.

        What bears it is sealed first: without a key that signs no session begins. A wrong code is
        an attempt like a wrong password; one that is only missing is none.
        """
        proof = None
        if account.factor is not None:
            if not otp:
                await self._throttle.forgive(admission)
                return self._deny(Reason.OTP_REQUIRED, account)
            async with self._throttle.forgiving_outages(admission):
                proof = self._factor_keys.prove(account.factor, otp, device, now)
            if proof is None:
                return self._deny(Reason.OTP_INVALID, account)
        access = min(self._mint.lifetimes.access, ttl)
        session = Session(
            sid=make_sid(),
            user_id=account.user.id,
            kind=kind,
            generation=0,
            created_at=now,
            rotated_at=now,
            tokens_until=now + (access if kind is SessionKind.BEARER else ttl),
            expires_at=now + ttl,
            amr=PASSWORD_AMR if proof is None else OTP_AMR,
            used_at=now,
            device=device,
        )
        async with self._throttle.forgiving_outages(admission):
            sealed = seal(session)
            await refuse_lost(account, self._accounts, self._find_least_epoch)
            ended = await self._accounts.add_session(session, account.epoch, self._bound, proof)
            if ended is None:
                raise StoreUnavailable("the account changed during the login; try again")
        if isinstance(ended, Deny):
            return self._deny(ended.reason, account)
        await self._publish(ended)
        await self._throttle.welcome(
            admission, account.user.id, account.epoch, remembers=kind is SessionKind.COOKIE
        )
        self.outcomes["ok"] += 1
        return session, sealed
