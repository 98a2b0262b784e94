"""The log of revocations, and the outbox of what is still to be announced."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import AuditEvent
from sidecar.core.claims import LATEST_DATE, LONGEST_LIFE, TokenKind
from sidecar.core.revocation import Level, Revocation
from sidecar.core.session import SessionKind
from sidecar.errors import NotFound, StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.ends import drop_credentials
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import (
    deployment,
    marks,
    outbox,
    personal_tokens,
    resets,
    revocations,
    sessions,
    users,
)

OUTBOX_BATCH: Final = 200  # entries announced at once: one script, within its timeout
IDLE_BATCH: Final = 200  # sessions ended in one transaction: a write lock is held for milliseconds
LEVELS: Final = {level.value: level for level in Level}
ENTRY: Final = (
    revocations.c.sequence,
    revocations.c.level,
    revocations.c.subject,
    revocations.c.epoch,
    revocations.c.forget_at,
)


class SqlRevocations:
    """The ports RevocationStore, Outbox and FeedStore; `announced`: whether an outbox is kept."""

    def __init__(self, database: Database, *, announced: bool) -> None:
        self._database = database
        self._announced = announced

    async def revoke_token(self, jti: str, *, forget_at: int) -> tuple[Entry, ...]:
        """Refuse one token until `forget_at`; what is refused so long already is left as it is."""
        async with self._database.write(log=True) as connection:
            known = await self._find_end(connection, Level.TOKEN, jti, forget_at)
            if known:
                return known
            return await self.record(connection, Revocation(Level.TOKEN, jti, 0, forget_at))

    async def end_session(
        self, sid: str, *, forget_at: int, keep_after: int, event: AuditEvent | None = None
    ) -> tuple[Entry, ...]:
        """Delete the row of a session and refuse every token of it.

        What is refused as long already is not written again, however often somebody logs out.
        """
        told = (sessions.c.user_id, sessions.c.tokens_until)
        end = sa.delete(sessions).where(sessions.c.sid == sid).returning(*told)
        async with self._database.write(log=True) as connection:
            row = (await connection.execute(end)).one_or_none()
            if row is not None:
                forget_at = max(forget_at, row.tokens_until + keep_after)
                if event is not None:
                    details = {"sub": row.user_id, **event.details}
                    await write_event(connection, replace(event, details=details))
            if forget_at == 0:
                return ()
            if row is None:
                known = await self._find_end(connection, Level.SESSION, sid, forget_at)
                if known:
                    return known
            return await self.record(connection, Revocation(Level.SESSION, sid, 0, forget_at))

    async def _find_end(
        self, connection: AsyncConnection, level: Level, subject: str, forget_at: int
    ) -> tuple[Entry, ...]:
        """Return the entry that refuses a token or a session at least until then."""
        query = (
            sa.select(*ENTRY)
            .where(
                revocations.c.subject == subject,
                revocations.c.level == level.value,
                revocations.c.forget_at >= forget_at,
            )
            .order_by(revocations.c.sequence)
            .limit(1)
        )
        return tuple(await self._read_entries(connection, query))

    async def end_user_sessions(
        self, user_id: str, event: AuditEvent, *, keep_after: int, personal_tokens: bool
    ) -> tuple[Entry, ...]:
        """End all sessions of a user, move their epoch, and write the event. Raises NotFound."""
        async with self._database.write(log=True) as connection:
            entries = await self.move_epoch(
                connection, user_id, now=event.at, keep_after=keep_after
            )
            await drop_credentials(connection, user_id, personal_tokens_too=personal_tokens)
            await write_event(connection, event)
            return entries

    async def end_idle_sessions(self, *, used_before: int, keep_after: int) -> tuple[Entry, ...]:
        """End some cookie sessions that were last used before; the oldest first."""
        idle = sessions.c.used_at < used_before
        look = (
            sa.select(sessions.c.sid)
            .where(sessions.c.kind == SessionKind.COOKIE.value, idle)
            .order_by(sessions.c.used_at)
            .limit(IDLE_BATCH)
        )
        async with self._database.read() as connection:  # mostly there is none: nothing is locked
            sids = (await connection.execute(look)).scalars().all()
        if not sids:
            return ()
        async with self._database.write(log=True) as connection:
            still_idle = sa.and_(sessions.c.sid.in_(sids), idle)
            return await self.end_sessions(connection, still_idle, keep_after=keep_after)

    async def end_sessions(
        self, connection: AsyncConnection, which: sa.ColumnElement[bool], *, keep_after: int
    ) -> tuple[Entry, ...]:
        """End the sessions that a condition holds for, within the caller's transaction.

        That transaction writes revocations.
        """
        end = sa.delete(sessions).where(which)
        ended = await connection.execute(end.returning(sessions.c.sid, sessions.c.tokens_until))
        refused = [
            Revocation(Level.SESSION, sid, 0, tokens_until + keep_after)
            for sid, tokens_until in ended.all()
        ]
        return await self.record(connection, *refused)

    async def end_all_sessions(self, event: AuditEvent) -> tuple[Entry, ...]:
        """End the sessions and tokens of everyone, move the one epoch of all, write the event."""
        async with self._database.write(log=True) as connection:
            return await self.end_everyone(connection, event)

    async def end_everyone(
        self, connection: AsyncConnection, event: AuditEvent
    ) -> tuple[Entry, ...]:
        """Do the same within the caller's transaction, which writes revocations."""
        move = (
            sa.update(deployment)
            .where(deployment.c.id == 1)
            .values(epoch=epoch_beyond(deployment.c.epoch, event.at))
            .returning(deployment.c.epoch)
        )
        epoch = (await connection.execute(move)).scalar_one()
        for table in (sessions, personal_tokens, resets, marks):
            await connection.execute(sa.delete(table))
        await write_event(connection, event)
        entry = Revocation(Level.EVERYONE, "", epoch, LATEST_DATE)
        return await self.record(connection, entry)

    async def move_epoch(
        self, connection: AsyncConnection, user_id: str, *, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """Refuse what was sealed for a user until now, within the caller's transaction.

        The entry outlives the last token of their living sessions; ended ones have entries of their
        own. Raises NotFound.
        """
        # The user's row first: a login that is opening a session at this moment holds it.
        move = (
            sa.update(users)
            .where(users.c.id == user_id)
            .values(epoch=epoch_beyond(users.c.epoch, now))
            .returning(users.c.epoch)
        )
        epoch = (await connection.execute(move)).scalar_one_or_none()
        if epoch is None:
            raise NotFound("there is no such user")
        latest = sa.select(sa.func.max(sessions.c.tokens_until)).where(
            sessions.c.user_id == user_id
        )
        tokens_until = (await connection.execute(latest)).scalar_one_or_none() or 0
        # A refresh that is under way may have read the old epoch: it seals an access token with it,
        # and the row does not say yet until when that lives.
        forget_at = max(tokens_until, now + LONGEST_LIFE[TokenKind.ACCESS]) + keep_after
        return await self.record(connection, Revocation(Level.USER, user_id, epoch, forget_at))

    async def record(
        self, connection: AsyncConnection, *taken_away: Revocation
    ) -> tuple[Entry, ...]:
        """Write entries, and their places in the outbox, within the caller's transaction."""
        if not taken_away:
            return ()
        values = [
            {
                "level": each.level.value,
                "subject": each.subject,
                "epoch": each.epoch,
                "forget_at": each.forget_at,
            }
            for each in taken_away
        ]
        written = await connection.execute(sa.insert(revocations).returning(*ENTRY), values)
        entries = [_read_entry(*row) for row in written.all()]
        entries.sort(key=lambda entry: entry.sequence)  # the database may return them in any order
        if self._announced:
            places = [{"sequence": entry.sequence} for entry in entries]
            await connection.execute(sa.insert(outbox), places)
        return tuple(entries)

    async def read_entries(self, after: int, most: int | None = None) -> Sequence[Entry]:
        """Return the entries behind this sequence, in order, the first `most` of them (None: all).

        Sequences are given out under a lock that is kept until the commit: whoever sees one sees
        all that are smaller.
        """
        query = (
            sa.select(*ENTRY)
            .where(revocations.c.sequence > after)
            .order_by(revocations.c.sequence)
            .limit(most)
        )
        async with self._database.read() as connection:
            return await self._read_entries(connection, query)

    async def read_last_entry(self) -> Entry | None:
        """Return the entry with the greatest sequence; None where there is none."""
        query = sa.select(*ENTRY).order_by(revocations.c.sequence.desc()).limit(1)
        async with self._database.read() as connection:
            return next(iter(await self._read_entries(connection, query)), None)

    async def read_outbox(self) -> Sequence[Entry]:
        """Return what waits, oldest first, in a bounded number."""
        query = (
            sa.select(*ENTRY)
            .join(outbox, outbox.c.sequence == revocations.c.sequence)
            .order_by(revocations.c.sequence)
            .limit(OUTBOX_BATCH)
        )
        async with self._database.read() as connection:
            return await self._read_entries(connection, query)

    async def clear_outbox(self, entries: Sequence[Entry]) -> None:
        """Drop these: they have been announced."""
        sequences = [entry.sequence for entry in entries]
        async with self._database.write() as connection:
            await connection.execute(sa.delete(outbox).where(outbox.c.sequence.in_(sequences)))

    async def _read_entries(
        self, connection: AsyncConnection, query: sa.Select[int, str, str, int, int]
    ) -> list[Entry]:
        rows = (await connection.execute(query)).all()
        try:
            return [_read_entry(*row) for row in rows]
        except KeyError:
            # Whom it refuses is not known here: a view without it must not count as fresh.
            raise StoreUnavailable(
                f"{self._database}: a newer version wrote a revocation that this one does not know"
            ) from None


def epoch_beyond(epoch: sa.ColumnElement[int], least: int) -> sa.ColumnElement[int]:
    """Return what `core.revocation.move_beyond` does, of a column."""
    return sa.case((epoch < least, least), else_=epoch + 1)


def _read_entry(sequence: int, level: str, subject: str, epoch: int, forget_at: int) -> Entry:
    """Return what a row says. Raises KeyError where this version does not know the level."""
    return Entry(sequence, Revocation(LEVELS[level], subject, epoch, forget_at))
