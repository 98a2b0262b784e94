"""Refresh: the next tokens of a session, its cookie anew, and the return of an old token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from sidecar.core.claims import Claims
from sidecar.core.session import Session, SessionKind, Turn, judge_refresh, open_refresh_token
from sidecar.credentials.mint import CookieGrant, Mint, TokenGrant
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, SessionStore

ATTEMPTS: Final = 3  # of reading a row that others are turning at the same moment


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """`key` seals refresh tokens; `grace` is in seconds."""

    key: bytes
    grace: int


@dataclass(frozen=True, slots=True)
class RefusedRefresh:
    """No tokens: `cause` is for the log, the answer never tells one from another."""

    cause: str
    sid: str | None


class Rotation:
    """Turns sessions; `end_session` takes a `sid` and ends it everywhere."""

    def __init__(
        self,
        sessions: SessionStore,
        mint: Mint,
        options: RefreshOptions,
        end_session: Callable[[str], Awaitable[object]],
    ) -> None:
        self._sessions = sessions
        self._mint = mint
        self._options = options
        self._end_session = end_session

    async def refresh(self, refresh_token: str, now: int) -> TokenGrant | RefusedRefresh:
        """Return the next tokens, with today's rights."""
        opened = open_refresh_token(self._options.key, refresh_token)
        if opened is None:
            return RefusedRefresh("not a refresh token of ours", None)
        sid, generation = opened
        for _ in range(ATTEMPTS):
            found = await self._sessions.find_session(sid)
            if found is None:
                return RefusedRefresh("the session has ended", sid)
            session, account = found
            if account.user.disabled:
                return RefusedRefresh("the user is disabled", sid)
            match self._judge(session, generation, now):
                case Turn.REPLAY:
                    return self._mint.bearer(account, session, now)
                case Turn.OVER:
                    return RefusedRefresh("the session is over", sid)
                case Turn.REUSE:
                    await self._end_session(sid)
                    return RefusedRefresh("an old token came back: the session was ended", sid)
                case Turn.ROTATE:
                    grant = await self._rotate(session, account, now)
                    if grant is not None:
                        return grant
        raise StoreUnavailable("the session is being refreshed elsewhere; try again")

    async def find_session(self, refresh_token: str, now: int) -> tuple[Session, Turn] | None:
        """Return the session of a refresh token and what the token is good for.

        None is returned where the session has been ended, or the token is none of ours.
        """
        opened = open_refresh_token(self._options.key, refresh_token)
        found = None if opened is None else await self._sessions.find_session(opened[0])
        if opened is None or found is None:
            return None
        return found[0], self._judge(found[0], opened[1], now)

    def _judge(self, session: Session, generation: int, now: int) -> Turn:
        idle = self._mint.lifetimes.refresh
        return judge_refresh(session, generation, now, grace=self._options.grace, idle=idle)

    async def _rotate(self, session: Session, account: Account, now: int) -> TokenGrant | None:
        # With the grace: the last replay within it seals a token that lives that much longer, and a
        # revocation is kept by this date.
        latest = now + self._mint.lifetimes.access + self._options.grace
        tokens_until = max(session.tokens_until, min(latest, session.expires_at))
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
        found = None if claims.sid is None else await self._sessions.find_session(claims.sid)
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
