"""Take rights away: written to SQL, held here, announced, and only then acknowledged."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from sidecar.core.claims import Claims
from sidecar.core.revocation import RevocationView
from sidecar.errors import StoreUnavailable
from sidecar.ports import Announcer, Entry, Outbox, RevocationStore

OUTBOX_PERIOD: Final = 1.0  # seconds between looks for what could not be announced

log = logging.getLogger("sidecar.revocation")


class Revocations:
    """Revokes at each level; `announcer` is None where SQL alone carries revocations."""

    def __init__(
        self,
        store: RevocationStore,
        outbox: Outbox,
        view: RevocationView,
        announcer: Announcer | None,
        keep_after: int,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._view = view
        self._announcer = announcer
        self._keep_after = keep_after

    async def revoke_token(self, claims: Claims) -> None:
        """Refuse this one token."""
        entries = await self._store.revoke_token(
            claims.jti, forget_at=claims.exp + self._keep_after
        )
        await self.publish(entries)

    async def end_session_of(self, claims: Claims) -> None:
        """End the session that a token was sealed for; a program has none, but that token."""
        if claims.sid is None:
            await self.revoke_token(claims)
        else:
            await self._end_session(claims.sid, claims.exp + self._keep_after)

    async def end_session(self, sid: str) -> bool:
        """End a session; False, and nothing happens, where there is none."""
        return await self._end_session(sid, 0)

    async def _end_session(self, sid: str, forget_at: int) -> bool:
        entries = await self._store.end_session(
            sid, forget_at=forget_at, keep_after=self._keep_after
        )
        await self.publish(entries)
        return bool(entries)

    async def end_user_sessions(self, user_id: str, now: int) -> None:
        """End all sessions of a user. Raises NotFound."""
        await self.publish(
            await self._store.end_user_sessions(user_id, now=now, keep_after=self._keep_after)
        )

    async def end_all_sessions(self) -> None:
        """End the sessions of everyone."""
        await self.publish(await self._store.end_all_sessions())

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make entries that are committed hold here and, with the announcer, everywhere at once.

        An announcement that fails changes nothing about the acknowledgement: the SQL feed carries
        the entries within its bound, and the outbox keeps them for the announcer.
        """
        self._view.apply(entry.revocation for entry in entries)
        for entry in entries:
            revocation = entry.revocation
            log.info(
                "revoked", extra={"what": revocation.level.value, "subject": revocation.subject}
            )
        if entries and self._announcer is not None and await self._announcer.announce(entries):
            try:
                await self._outbox.clear_outbox(entries)
            except StoreUnavailable as error:
                # Announced twice is announced: the loop of the outbox repeats it.
                log.warning("the outbox keeps what was announced", extra={"cause": str(error)})

    async def run_outbox(self) -> None:
        """Announce what could not be announced before, for ever; needs an announcer."""
        while self._announcer is not None:
            await asyncio.sleep(OUTBOX_PERIOD)
            try:
                waiting = await self._outbox.read_outbox()
                if waiting and await self._announcer.announce(waiting):
                    await self._outbox.clear_outbox(waiting)
            except StoreUnavailable as error:
                log.debug("the outbox could not be read", extra={"cause": str(error)})
