"""The log of revocations, and the outbox of what is still to be announced."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.claims import LATEST_DATE, LONGEST_LIFE, TokenKind
from sidecar.core.revocation import Level, Revocation
from sidecar.errors import NotFound, StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import deployment, outbox, revocations, sessions, users

OUTBOX_BATCH: Final = 500  # entries announced at once
LEVELS: Final = frozenset(Level)
PURGE_BATCH: Final = 500  # rows deleted in one transaction: a write lock is held for milliseconds


class SqlRevocations:
    """The ports RevocationStore, Outbox and FeedStore; `announced`: whether an outbox is kept."""

    def __init__(self, database: Database, *, announced: bool) -> None:
        self._database = database
        self._announced = announced

    async def revoke_token(self, jti: str, *, forget_at: int) -> tuple[Entry, ...]:
        """Refuse one token until `forget_at`."""
        async with self._database.write(log=True) as connection:
            return await self.record(connection, Revocation(Level.TOKEN, jti, 0, forget_at))

    async def end_session(self, sid: str, *, forget_at: int, keep_after: int) -> tuple[Entry, ...]:
        """Delete the row of a session and refuse every token of it.

        What is refused as long already is not written again, however often somebody logs out.
        """
        end = sa.delete(sessions).where(sessions.c.sid == sid).returning(sessions.c.tokens_until)
        async with self._database.write(log=True) as connection:
            tokens_until = (await connection.execute(end)).scalar_one_or_none()
            if tokens_until is not None:
                forget_at = max(forget_at, tokens_until + keep_after)
            if forget_at == 0:
                return ()
            if tokens_until is None:
                known = await self._find_end(connection, sid, forget_at)
                if known:
                    return known
            return await self.record(connection, Revocation(Level.SESSION, sid, 0, forget_at))

    async def _find_end(
        self, connection: AsyncConnection, sid: str, forget_at: int
    ) -> tuple[Entry, ...]:
        """Return the entry that refuses a session at least until then."""
        query = (
            sa.select(revocations)
            .where(
                revocations.c.subject == sid,
                revocations.c.level == Level.SESSION.value,
                revocations.c.forget_at >= forget_at,
            )
            .order_by(revocations.c.sequence)
            .limit(1)
        )
        return tuple(await self._read_entries(connection, query))

    async def end_user_sessions(
        self, user_id: str, *, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """End all sessions of a user and move their epoch. Raises NotFound."""
        async with self._database.write(log=True) as connection:
            entries = await self.move_epoch(connection, user_id, now=now, keep_after=keep_after)
            await connection.execute(sa.delete(sessions).where(sessions.c.user_id == user_id))
            return entries

    async def end_all_sessions(self) -> tuple[Entry, ...]:
        """End the sessions of everyone and move the one epoch of all."""
        move = (
            sa.update(deployment)
            .where(deployment.c.id == 1)
            .values(epoch=deployment.c.epoch + 1)
            .returning(deployment.c.epoch)
        )
        async with self._database.write(log=True) as connection:
            epoch = (await connection.execute(move)).scalar_one()
            await connection.execute(sa.delete(sessions))
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
            .values(epoch=users.c.epoch + 1)
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
        self, connection: AsyncConnection, revocation: Revocation
    ) -> tuple[Entry, ...]:
        """Write one entry, and its place in the outbox, within the caller's transaction."""
        insert = (
            sa.insert(revocations)
            .values(
                level=revocation.level.value,
                subject=revocation.subject,
                epoch=revocation.epoch,
                forget_at=revocation.forget_at,
            )
            .returning(revocations.c.sequence)
        )
        sequence = (await connection.execute(insert)).scalar_one()
        if self._announced:
            await connection.execute(sa.insert(outbox).values(sequence=sequence))
        return (Entry(sequence, revocation),)

    async def read_entries(self, after: int) -> Sequence[Entry]:
        """Return the entries behind this sequence, in order."""
        query = (
            sa.select(revocations)
            .where(revocations.c.sequence > after)
            .order_by(revocations.c.sequence)
        )
        async with self._database.read() as connection:
            return await self._read_entries(connection, query)

    async def read_outbox(self) -> Sequence[Entry]:
        """Return what waits, oldest first, in a bounded number."""
        query = (
            sa.select(revocations)
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

    async def purge(self, now: int) -> None:
        """Drop what is over: spent revocations and ended sessions, in small batches."""
        over = (
            (revocations, revocations.c.sequence, revocations.c.forget_at <= now),
            (
                sessions,
                sessions.c.sid,
                sa.and_(sessions.c.expires_at <= now, sessions.c.tokens_until <= now),
            ),
        )
        for table, key, condition in over:
            # What somebody else holds is left for the next time: nobody waits for anybody.
            held = sa.select(key).where(condition).limit(PURGE_BATCH)
            batch = sa.select(held.with_for_update(skip_locked=True).cte("batch"))
            purge = sa.delete(table).where(key.in_(batch)).returning(key)
            deleted = PURGE_BATCH
            while deleted == PURGE_BATCH:
                async with self._database.write() as connection:
                    deleted = len((await connection.execute(purge)).all())

    async def _read_entries(
        self, connection: AsyncConnection, query: sa.Select[tuple[object, ...]]
    ) -> list[Entry]:
        rows = (await connection.execute(query)).mappings().all()
        if any(row["level"] not in LEVELS for row in rows):
            # Whom it refuses is not known here: a view without it must not count as fresh.
            raise StoreUnavailable(
                f"{self._database}: a newer version wrote a revocation that this one does not know"
            )
        return [
            Entry(
                row["sequence"],
                Revocation(Level(row["level"]), row["subject"], row["epoch"], row["forget_at"]),
            )
            for row in rows
        ]
