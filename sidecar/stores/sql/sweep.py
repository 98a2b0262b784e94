"""What every process does to the tables once a minute, in transactions that block nobody for long.

SQLite has one write lock: whoever waits for it looks at it again after up to a tenth of a second,
so that a process which takes it again at once can keep it from everybody. Hence small batches, and
a pause behind each.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from sidecar.core.lastuse import Used
from sidecar.core.session import SessionKind
from sidecar.core.totp import ENROLMENT_TTL
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import (
    factors,
    marks,
    personal_tokens,
    resets,
    revocations,
    sessions,
    throttle,
)

BATCH: Final = 200  # rows changed in one transaction: a write lock is held for milliseconds
PAUSE: Final = 0.05  # seconds between two of them

_USES: Final = {
    Used.SESSION: (sessions.c.sid, sessions.c.used_at),
    Used.PERSONAL: (personal_tokens.c.id, personal_tokens.c.used_at),
}


class SqlSweep:
    """The port SweepStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_uses(self, kind: Used, uses: Mapping[str, int], now: int) -> None:
        """Write when these were last used, `now` at the latest.

        What somebody else holds is passed over, so that nobody waits for anybody: it is being
        refreshed, ended, or noted as used by another process in the same minute.
        """
        key, used_at = _USES[kind]
        noted = list(uses.items())
        at: sa.BindParameter[int] = sa.bindparam("b_at")
        note = (
            sa.update(key.table)
            .where(key == sa.bindparam("b_key"), sa.func.coalesce(used_at, 0) < at)
            .values({used_at: at})
        )
        for start in range(0, max(len(noted), 1), BATCH):
            if start:
                await asyncio.sleep(PAUSE)
            batch = dict(noted[start : start + BATCH])
            free = sa.select(key).where(key.in_(batch)).with_for_update(skip_locked=True)
            async with self._database.write() as connection:
                found = (await connection.execute(free)).scalars().all()
                if found:
                    rows = [{"b_key": name, "b_at": min(batch[name], now)} for name in found]
                    await connection.execute(note, rows)

    async def purge(self, now: int, *, refresh_ttl: int) -> None:
        """Drop what is over: revocations, sessions, tokens, attempts, marks, in small batches."""
        over: tuple[tuple[sa.Table, sa.Column[str], sa.ColumnElement[bool]], ...] = (
            (revocations, revocations.c.sequence, revocations.c.forget_at <= now),
            (
                sessions,
                sessions.c.sid,
                sa.and_(sessions.c.expires_at <= now, sessions.c.tokens_until <= now),
            ),
            (
                sessions,
                sessions.c.sid,
                # No refresh is later than the last use, and there is an index of that.
                sa.and_(
                    sessions.c.kind == SessionKind.BEARER.value,
                    sessions.c.used_at <= now - refresh_ttl,
                    sessions.c.tokens_until <= now,
                ),
            ),
            (personal_tokens, personal_tokens.c.id, personal_tokens.c.expires_at <= now),
            (
                factors,
                factors.c.id,
                sa.and_(
                    factors.c.confirmed_at.is_(None), factors.c.created_at <= now - ENROLMENT_TTL
                ),
            ),
            (resets, resets.c.user_id, resets.c.expires_at <= now),
            (throttle, throttle.c.key, throttle.c.forget_at <= now),
            (marks, marks.c.user_id, marks.c.forget_at <= now),
        )
        for table, key, condition in over:
            # What somebody else holds is left for the next time: nobody waits for anybody.
            held = sa.select(key).where(condition).limit(BATCH)
            batch = sa.select(held.with_for_update(skip_locked=True).cte("batch"))
            # Of some tables a key has more rows than those that are over.
            purge = sa.delete(table).where(key.in_(batch), condition).returning(key)
            while True:
                async with self._database.write() as connection:
                    deleted = len((await connection.execute(purge)).all())
                if deleted < BATCH:
                    break
                await asyncio.sleep(PAUSE)
