"""Somebody changes their own password, and goes on with the session that did it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sidecar.core.audit import Author
from sidecar.core.revocation import move_beyond
from sidecar.core.session import Session, SessionKind, Turn, judge_refresh, turn_session
from sidecar.credentials.mint import CookieGrant, Mint, TokenGrant, make_sid
from sidecar.credentials.passwords import PasswordHasher
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, Entry, OwnPasswordStore, SessionStore


class OwnPassword:
    """Changes the password of whoever has just proved the present one.

    `grace` is that of a refresh, in seconds; `publish` makes the revocations hold.
    """

    def __init__(
        self,
        store: OwnPasswordStore,
        sessions: SessionStore,
        passwords: PasswordHasher,
        mint: Mint,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        *,
        grace: int,
        keep_after: int,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._mint = mint
        self._publish = publish
        self._grace = grace
        self._keep_after = keep_after

    async def change(
        self, account: Account, sid: str, password: str, by: Author, now: int
    ) -> TokenGrant | CookieGrant | None:
        """Give an account another password; return the next tokens, or the new cookie, of `sid`.

        All other sessions and all personal tokens of the account end. Of the session that goes on
        every older token and cookie is refused, and who shows its old refresh token ends it.
        `account` is as it was when the present password was proved. Returns None where the session
        is over. Raises Overloaded, NoVerdict, and StoreUnavailable where account or session changed
        meanwhile.
        """
        password_hash = await self._passwords.hash(password)
        found = await self._sessions.find_session(sid)
        kept = None if found is None else found[0]
        if kept is None or kept.user_id != account.user.id:
            return None
        successor = self._succeed(kept, now)
        if successor is None:
            return None
        successor = replace(successor, used_at=now, device=by.device)
        everyone, own = account.epoch
        next_account = replace(account, epoch=(everyone, move_beyond(own, now)))
        # Sealed before anything changes: whoever has lost the old tokens has the new ones.
        grant = (
            self._mint.bearer(next_account, successor, now)
            if kept.kind is SessionKind.BEARER
            else self._mint.cookie_anew(next_account, successor, now)
        )
        entries = await self._store.change_own_password(
            account, password_hash, by, kept, successor, keep_after=self._keep_after
        )
        if entries is None:
            raise StoreUnavailable("the account or the session changed meanwhile; try again")
        await self._publish(entries)
        return grant

    def _succeed(self, session: Session, now: int) -> Session | None:
        """Return how a session goes on, None where it is over.

        That of a browser gets another `sid`: a copy of its old cookie would be renewed as one is of
        which the rights have changed. One of a frontend turns twice: what it had is not the
        previous generation then, which would be given the successor for a while, but reuse at once.
        """
        if session.kind is SessionKind.COOKIE:
            return replace(session, sid=make_sid()) if now < session.expires_at else None
        for _ in range(2):
            if self._judge(session, now) is not Turn.ROTATE:
                return None
            access = self._mint.lifetimes.access
            session = turn_session(session, now, access=access, grace=self._grace)
        return session

    def _judge(self, session: Session, now: int) -> Turn:
        idle = self._mint.lifetimes.refresh
        return judge_refresh(session, session.generation, now, grace=self._grace, idle=idle)
