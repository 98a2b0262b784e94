"""Refresh: the next tokens of a session, its cookie anew, and the return of an old token."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from sidecar.core.claims import Claims
from sidecar.core.session import Session, SessionKind, Turn, judge_refresh, open_refresh_token
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.mint import CookieGrant, Mint, TokenGrant
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, SessionStore

INVALID_GRANT: Final = Deny(Reason.INVALID_GRANT)
ATTEMPTS: Final = 3  # of reading a row that others are turning at the same moment

log = logging.getLogger("sidecar.session")


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """`key` seals refresh tokens; `grace` is in seconds."""

    key: bytes
    grace: int


class Rotation:
    """Turns sessions; `end_session` takes a `sid` and ends it everywhere."""

    def __init__(
        self,
        sessions: SessionStore,
        mint: Mint,
        options: RefreshOptions,
        end_session: Callable[[str], Awaitable[None]],
    ) -> None:
        self._sessions = sessions
        self._mint = mint
        self._options = options
        self._end_session = end_session

    async def refresh(self, refresh_token: str, now: int) -> TokenGrant | Deny:
        """Return the next tokens, with today's rights; why not stands in the log only."""
        opened = open_refresh_token(self._options.key, refresh_token)
        if opened is None:
            return _refuse("not a refresh token of ours", None)
        sid, generation = opened
        for _ in range(ATTEMPTS):
            found = await self._sessions.find_session(sid)
            if found is None:
                return _refuse("the session has ended", sid)
            session, account = found
            if account.user.disabled:
                return _refuse("the user is disabled", sid)
            turn = judge_refresh(
                session,
                generation,
                now,
                grace=self._options.grace,
                idle=self._mint.lifetimes.refresh,
            )
            match turn:
                case Turn.REPLAY:
                    return self._mint.bearer(account, session, now)
                case Turn.OVER:
                    return _refuse("the session is over", sid)
                case Turn.REUSE:
                    await self._end_session(sid)
                    return _refuse("an old token came back: the session was ended", sid)
                case Turn.ROTATE:
                    grant = await self._rotate(session, account, now)
                    if grant is not None:
                        return grant
        raise StoreUnavailable("the session is being refreshed elsewhere; try again")

    async def find_session(self, refresh_token: str) -> Session | None:
        """Return the living session of a refresh token of any generation, else None."""
        opened = open_refresh_token(self._options.key, refresh_token)
        found = None if opened is None else await self._sessions.find_session(opened[0])
        return None if found is None else found[0]

    async def _rotate(self, session: Session, account: Account, now: int) -> TokenGrant | None:
        tokens_until = max(
            session.tokens_until, min(now + self._mint.lifetimes.access, session.expires_at)
        )
        successor = replace(
            session,
            generation=session.generation + 1,
            rotated_at=now,
            tokens_until=tokens_until,
        )
        # Sealed before the row is turned: a generation is never spent without a successor.
        grant = self._mint.bearer(account, successor, now)
        turned = await self._sessions.rotate_session(
            session.sid, session.generation, rotated_at=now, tokens_until=tokens_until
        )
        return grant if turned else None

    async def renew_cookie(self, claims: Claims, now: int) -> CookieGrant | None:
        """Return a cookie with today's rights for a cookie whose session lives, else None.

        `claims` are those of a session cookie that opened and has not expired; its epoch may have
        moved.
        """
        found = await self._sessions.find_session(claims.sid)
        if found is None:
            return None
        session, account = found
        if (
            session.kind is not SessionKind.COOKIE
            or session.user_id != claims.sub
            or account.user.disabled
            or now >= session.expires_at
        ):
            return None
        life = session.expires_at - session.created_at
        remember = life > self._mint.lifetimes.cookie_session
        return self._mint.cookie(account, session, now, remember=remember)


def _refuse(cause: str, sid: str | None) -> Deny:
    log.info("refresh refused", extra={"cause": cause, "sid": sid})
    return INVALID_GRANT
