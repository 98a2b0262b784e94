"""Take rights away: written to SQL, held here, announced, and only then acknowledged."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from sidecar.core.audit import EVERYONE, Action, AuditEvent, Author
from sidecar.core.claims import Claims
from sidecar.core.grant import is_of_login
from sidecar.core.revocation import Revocation, RevocationView
from sidecar.core.unannounced import Unannounced
from sidecar.errors import StoreUnavailable
from sidecar.ports import Announcer, Entry, Outbox, RevocationStore

OUTBOX_PERIOD: Final = 1.0  # seconds between looks for what could not be announced
REPEAT_PERIOD: Final = 0.5  # seconds between tries to announce what this process could not
REPEAT_BATCH: Final = 200  # entries announced again at once: one script, within its timeout
IDLE_PAUSE: Final = 0.05  # seconds between batches of idle sessions: others write too

log = logging.getLogger("sidecar.revocation")


class Revocations:
    """Revokes at each level; `announcer` is None where SQL alone carries revocations.

    What it could not announce yet is `unannounced`.
    """

    def __init__(
        self,
        store: RevocationStore,
        outbox: Outbox,
        view: RevocationView,
        announcer: Announcer | None,
        keep_after: int,
        unannounced: Unannounced[Entry] | None = None,
    ) -> None:
        self.unannounced = Unannounced[Entry]() if unannounced is None else unannounced
        self._store = store
        self._outbox = outbox
        self._view = view
        self._announcer = announcer
        self._keep_after = keep_after

    async def revoke_token(self, claims: Claims, now: int) -> None:
        """Refuse this one token."""
        forget_at = self._find_forget_at(claims, now)
        if forget_at:
            await self.publish(await self._store.revoke_token(claims.jti, forget_at=forget_at))

    async def end_session_of(self, claims: Claims, now: int, by: Author | None = None) -> None:
        """End the session that a token was sealed for; by whom, unless it ends by itself.

        A program has none, nor has what was made of a personal token: that token ends then.
        """
        if claims.sid is None or not is_of_login(claims):
            await self.revoke_token(claims, now)
        else:
            event = None if by is None else _tell_end(claims.sid, by, now)
            await self._end_session(claims.sid, self._find_forget_at(claims, now), event)

    def _find_forget_at(self, claims: Claims, now: int) -> int:
        """Return until when a token must be refused; 0 where it is over everywhere.

        That is not yet so at its `exp`: a process whose clock is behind takes it until its own
        clock says so. `keep_after` is no shorter than `clock_skew`, and whatever is written later
        than that the next sweep would drop.
        """
        forget_at = claims.exp + self._keep_after
        return forget_at if now < forget_at else 0

    async def end_session(self, sid: str, event: AuditEvent | None = None) -> bool:
        """End a session and write the event; False, and nothing happens, where there is none."""
        return await self._end_session(sid, 0, event)

    async def end_session_by(self, by: Author, sid: str, now: int) -> bool:
        """End a session from elsewhere; False, and nothing happens, where there is none."""
        return await self.end_session(sid, _tell_end(sid, by, now))

    async def _end_session(self, sid: str, forget_at: int, event: AuditEvent | None = None) -> bool:
        entries = await self._store.end_session(
            sid, forget_at=forget_at, keep_after=self._keep_after, event=event
        )
        await self.publish(entries)
        return bool(entries)

    async def end_user_sessions(
        self, user_id: str, by: Author, now: int, *, personal_tokens: bool
    ) -> None:
        """End all sessions of a user. Raises NotFound.

        `personal_tokens` go too where somebody else does it; a person who logs out everywhere keeps
        those of their scripts.
        """
        details = {"personal_tokens": personal_tokens}
        event = AuditEvent(now, Action.USER_ENDED, by.actor, user_id, by.device, details)
        entries = await self._store.end_user_sessions(
            user_id, event, keep_after=self._keep_after, personal_tokens=personal_tokens
        )
        await self.publish(entries)

    async def end_idle_sessions(self, used_before: int) -> None:
        """End the cookie sessions that were last used before, in small batches."""
        while entries := await self._store.end_idle_sessions(
            used_before=used_before, keep_after=self._keep_after
        ):
            await self.publish(entries)
            await asyncio.sleep(IDLE_PAUSE)

    async def end_all_sessions(self, by: Author, now: int) -> None:
        """End the sessions and personal tokens of everyone."""
        event = AuditEvent(now, Action.EVERYONE_ENDED, by.actor, EVERYONE, by.device)
        await self.publish(await self._store.end_all_sessions(event))

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make entries that are committed hold here and, with the announcer, everywhere at once.

        An announcement that fails changes nothing about the acknowledgement: the SQL feed carries
        the entries within its bound, and both memory and the outbox keep them for the announcer.
        """
        number = self._begin(entries)
        self._view.apply(entry.revocation for entry in entries)
        for entry in entries:
            revocation = entry.revocation
            log.info(
                "revoked", extra={"what": revocation.level.value, "subject": revocation.subject}
            )
        await self._announce(entries, number)

    async def release_canary(self, canary: Revocation) -> None:
        """Revoke what nobody has, as a logout is, but for the line in the log.

        Raises StoreUnavailable.
        """
        entries = await self._store.revoke_token(canary.subject, forget_at=canary.forget_at)
        number = self._begin(entries)
        self._view.apply(entry.revocation for entry in entries)
        await self._announce(entries, number)

    def _begin(self, entries: Sequence[Entry]) -> int:
        return self.unannounced.begin(entries) if entries and self._announcer is not None else 0

    async def _announce(self, entries: Sequence[Entry], number: int) -> None:
        if not entries or self._announcer is None:
            return
        announced = False
        try:
            announced = await self._announcer.announce(entries)
        finally:
            if announced:
                self.unannounced.end(number)
            else:  # also where whoever revoked waits no longer
                self.unannounced.fail(number)
        if announced:
            try:
                await self._outbox.clear_outbox(entries)
            except StoreUnavailable as error:
                # Announced twice is announced: the loop of the outbox repeats it.
                log.warning("the outbox keeps what was announced", extra={"cause": str(error)})

    async def run_repeats(self) -> None:
        """Announce again what this process could not, also while SQL is away; needs an announcer.

        The outbox in SQL keeps it until its own loop has announced it too.
        """
        while self._announcer is not None:
            await asyncio.sleep(REPEAT_PERIOD)
            failed = self.unannounced.list_failed(REPEAT_BATCH)
            if failed and await self._announcer.announce(
                [one for _, some in failed for one in some]
            ):
                for number, _ in failed:
                    self.unannounced.end(number)

    async def run_outbox(self) -> None:
        """Announce what could not be announced before, for ever; needs an announcer."""
        while self._announcer is not None:
            await asyncio.sleep(OUTBOX_PERIOD)
            dropped = self.unannounced.dropped
            try:
                waiting = await self._outbox.read_outbox()
                if waiting and await self._announcer.announce(waiting):
                    await self._outbox.clear_outbox(waiting)
                elif not waiting:
                    self.unannounced.recover(dropped)
            except StoreUnavailable as error:
                log.debug("the outbox could not be read", extra={"cause": str(error)})


def _tell_end(sid: str, by: Author, now: int) -> AuditEvent:
    return AuditEvent(now, Action.SESSION_ENDED, by.actor, sid, by.device)
