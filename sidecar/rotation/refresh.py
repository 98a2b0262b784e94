"""Refresh: the next tokens of a session, its cookie anew, and the return of an old token."""

import logging
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from sidecar.core.audit import SERVICE, Action, AuditEvent, Device
from sidecar.core.cache import BoundedCache
from sidecar.core.claims import Claims
from sidecar.core.grant import find_scopes
from sidecar.core.session import (
    Session,
    SessionKind,
    Turn,
    judge_refresh,
    open_refresh_token,
    turn_session,
)
from sidecar.core.user import User
from sidecar.credentials.mint import CookieGrant, Mint, TokenGrant
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, SessionStore

ATTEMPTS: Final = 3  # of reading a row that others are turning at the same moment
MOST_NOTED: Final = 8  # devices noted for one spent token: a user agent is whatever somebody types
NOTED_TOKENS: Final = 1024  # spent tokens of which those are remembered, of the last grace

log = logging.getLogger("sidecar.rotation")


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """`key` seals refresh tokens; `grace` is in seconds.

    `role_scopes` has the scopes of who is in a role.
    """

    key: bytes = field(repr=False)
    grace: int
    role_scopes: Mapping[str, Iterable[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefusedRefresh:
    """No tokens: `cause` is for the log, the answer never tells one from another.

    `of_scope` says that the token is good, but not for the scope that was asked for.
    """

    cause: str
    sid: str | None
    of_scope: bool = False


class EndSession(Protocol):
    """Ends a session everywhere, and writes the event where there was one to end."""

    def __call__(self, sid: str, event: AuditEvent) -> Awaitable[bool]:
        """Return whether there was one."""
        ...


class Rotation:
    """Turns sessions; `replays_elsewhere` counts those of one token by two devices."""

    def __init__(
        self,
        sessions: SessionStore,
        mint: Mint,
        options: RefreshOptions,
        end_session: EndSession,
    ) -> None:
        self.replays_elsewhere = 0
        self._noted: BoundedCache[tuple[str, int], frozenset[Device]] = BoundedCache(NOTED_TOKENS)
        self._sessions = sessions
        self._mint = mint
        self._options = options
        self._end_session = end_session

    async def refresh(
        self,
        refresh_token: str,
        now: int,
        device: Device,
        scope: Collection[str] | None = None,
    ) -> TokenGrant | RefusedRefresh:
        """Return the next tokens, with today's rights.

        `scope` narrows the access token alone (RFC 6749 section 6): the refresh token is worth what
        it was. Costs two statements and one signature; who is overtaken by another refresh of the
        same token reads the row, and seals, once more.
        """
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
            turn = self._judge(session, generation, now)
            if turn is Turn.OVER:
                return RefusedRefresh("the session is over", sid)
            if turn is Turn.REUSE:
                await self._end_reused(session, now, device)
                return RefusedRefresh("an old token came back: the session was ended", sid)
            # Before anything turns: what is refused spends nothing.
            if scope is not None and not self._has_scopes(account.user, scope):
                return RefusedRefresh("a scope that the session does not have", sid, of_scope=True)
            if turn is Turn.REPLAY:
                if device != session.device:
                    await self._note_replay(session, now, device)
                return self._mint.bearer(account, session, now, scope)
            grant = await self._rotate(session, account, now, device, scope)
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

    async def list_sessions(self, user_id: str, now: int) -> Sequence[Session]:
        """Return the living sessions of a user, the newest login first."""
        refresh_ttl = self._mint.lifetimes.refresh
        return await self._sessions.list_sessions(user_id, now=now, refresh_ttl=refresh_ttl)

    def _judge(self, session: Session, generation: int, now: int) -> Turn:
        idle = self._mint.lifetimes.refresh
        return judge_refresh(session, generation, now, grace=self._options.grace, idle=idle)

    def _has_scopes(self, user: User, scope: Collection[str]) -> bool:
        return set(scope) <= set(find_scopes(user.roles, self._options.role_scopes))

    async def _rotate(
        self,
        session: Session,
        account: Account,
        now: int,
        device: Device,
        scope: Collection[str] | None,
    ) -> TokenGrant | None:
        access = self._mint.lifetimes.access
        successor = turn_session(session, now, access=access, grace=self._options.grace)
        # Sealed before the row is turned: a generation is never spent without a successor.
        grant = self._mint.bearer(account, successor, now, scope)
        turned = await self._sessions.rotate_session(
            session.sid,
            session.generation,
            rotated_at=now,
            tokens_until=successor.tokens_until,
            device=device,
        )
        return grant if turned else None

    async def _end_reused(self, session: Session, now: int, device: Device) -> None:
        """End the session of which a copy was made: whose the newer tokens are nobody knows."""
        event = _tell(Action.SESSION_REUSED, session, now, device)
        if await self._end_session(session.sid, event):
            log.warning("a refresh token was used again: its session was ended", extra=_flat(event))

    async def _note_replay(self, session: Session, now: int, device: Device) -> None:
        """Note that two devices hold the token that was spent a moment ago; each device once.

        The row is no part of what is acknowledged, since nothing changes: where it cannot be
        written, a person whose address has just changed must not be logged out for it. The line of
        the log and the metric do not depend on the store.
        """
        self.replays_elsewhere += 1
        spent = (session.sid, session.generation)
        noted = self._noted.get(spent) or frozenset()
        if device in noted or len(noted) >= MOST_NOTED:
            return
        self._noted.put(spent, noted | {device})
        event = _tell(Action.SESSION_REPLAYED, session, now, device)
        log.warning("a refresh token was shown again from elsewhere", extra=_flat(event))
        try:
            await self._sessions.note_replay(event)
        except StoreUnavailable as error:
            log.warning("the audit trail lacks it", extra={"cause": str(error)})

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
        return self._mint.cookie_anew(account, session, now)


def _tell(action: Action, session: Session, now: int, device: Device) -> AuditEvent:
    """Return the event: nobody knows which of the two devices is the person's."""
    details = {
        "sub": session.user_id,
        "last_address": session.device.address,
        "last_user_agent": session.device.user_agent,
    }
    return AuditEvent(now, action, SERVICE, session.sid, device, details)


def _flat(event: AuditEvent) -> dict[str, object]:
    """Return an event as the fields of a log line."""
    device = event.device
    told = {"sid": event.subject, "address": device.address, "user_agent": device.user_agent}
    return {**told, **event.details}
