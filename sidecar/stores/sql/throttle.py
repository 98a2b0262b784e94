"""Attempts to log in, counted in the database: one lock for all, held for some milliseconds.

Rows of one attempt may be missing, so there is nothing of theirs to lock; and all strangers count
in one row anyway. Where so many log in at once that this is too slow, Redis counts.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import RowMapping

from sidecar.core.audit import AuditEvent
from sidecar.core.throttle import (
    Blocked,
    Bucket,
    Delay,
    Tally,
    count,
    find_block,
)
from sidecar.ports.throttle import Counted
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import throttle

THROTTLE_LOCK: Final = 0x51DE_CA03
MOST_LISTED: Final = 1_000  # tallies, those with the most attempts

T = TypeVar("T")


class SqlThrottle:
    """The port ThrottleStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, buckets: Sequence[Bucket], now: int) -> Counted | Blocked:
        """Count an attempt, unless one of its buckets takes none now."""
        return await self._write(partial(_admit, buckets, now))

    async def forgive(self, counted: Counted) -> None:
        """Take an attempt back, unless what it was counted in has been forgotten since."""
        await self._write(partial(_take_back, counted))

    async def welcome(self, counted: Counted, logins: Bucket, now: int) -> None:
        """Take an attempt back that became a login, and count that."""
        await self._write(partial(_welcome, counted, logins, now))

    async def list_tallies(self) -> Sequence[tuple[str, Tally]]:
        """Return at most MOST_LISTED tallies, those with the most attempts."""
        rows = (
            sa.select(throttle)
            .where(throttle.c.count > 0)
            .order_by(throttle.c.count.desc(), throttle.c.key)
            .limit(MOST_LISTED)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(rows)).mappings()
            return [(row["key"], _read_tally(row)) for row in found]

    async def clear(self, keys: Sequence[str], event: AuditEvent) -> int:
        """Forget these tallies, all below a key that ends with `:`; return how many there were."""
        chosen = sa.or_(
            *(
                throttle.c.key.startswith(key, autoescape=True)
                if key.endswith(":")
                else throttle.c.key == key
                for key in keys
            )
        )
        async with self._database.write() as connection:
            if not self._database.is_sqlite:  # an attempt at this moment must not write it again
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(THROTTLE_LOCK)))
            cleared = await connection.execute(sa.delete(throttle).where(chosen))
            await write_event(connection, event)
        return cleared.rowcount

    async def _write(self, work: Callable[[sa.Connection], T]) -> T:
        return await self._database.write_at_once(THROTTLE_LOCK, work)


def _admit(buckets: Sequence[Bucket], now: int, connection: sa.Connection) -> Counted | Blocked:
    keys = [bucket.key for bucket in buckets]
    rows = sa.select(throttle).where(throttle.c.key.in_(keys))
    found = connection.execute(rows).mappings()
    tallies = {row["key"]: _read_tally(row) for row in found}
    blocked = find_block(buckets, tallies, now)
    if blocked is not None:
        return blocked
    counted = [
        (bucket, count(bucket.limit, tallies.get(bucket.key), now))
        for bucket in buckets
        if isinstance(bucket.limit, Delay)
    ]
    _replace(connection, [_row(bucket, tally) for bucket, tally in counted])
    return Counted(tuple((bucket.key, tally.since) for bucket, tally in counted))


def _welcome(counted: Counted, logins: Bucket, now: int, connection: sa.Connection) -> None:
    _take_back(counted, connection)
    rows = sa.select(throttle).where(throttle.c.key == logins.key)
    found = connection.execute(rows).mappings().one_or_none()
    before = None if found is None else _read_tally(found)
    _replace(connection, [_row(logins, count(logins.limit, before, now))])


def _take_back(counted: Counted, connection: sa.Connection) -> None:
    for key, since in counted.tallies:
        connection.execute(
            sa.update(throttle)
            .where(throttle.c.key == key, throttle.c.since == since, throttle.c.count > 0)
            .values(count=throttle.c.count - 1)
        )


def _read_tally(row: RowMapping) -> Tally:
    return Tally(row["count"], row["since"], row["last"])


def _row(bucket: Bucket, tally: Tally) -> Mapping[str, Any]:
    return {
        "key": bucket.key,
        "count": tally.count,
        "since": tally.since,
        "last": tally.last,
        "forget_at": bucket.limit.forget_at(tally),
    }


def _replace(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    keys = [row["key"] for row in rows]
    connection.execute(sa.delete(throttle).where(throttle.c.key.in_(keys)))
    connection.execute(sa.insert(throttle), rows)
