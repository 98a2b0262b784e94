"""Databases with so many sessions, as if people had logged in for months."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import sqlalchemy as sa

from sidecar.stores.sql import SqlStore, open_store
from tests.contracts.sql_stores import outside

NOW: Final = 1_800_000_000
MONTH: Final = 30 * 86_400  # seconds
SESSIONS_EACH: Final = 10  # of one person

# What the two spell differently: numbers from 0, and texts that come in no order, as a `sid` does.
SERIES: Final = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :many)",
    "postgresql": "WITH s AS (SELECT n FROM generate_series(0, :many - 1) AS n)",
}
RANDOM: Final = {
    "sqlite": "substr(hex(randomblob(11)), 1, 22)",
    "postgresql": "substr(md5(random()::text || n), 1, 22)",
}
# So that it is not done while something is measured.
SETTLE: Final = {"sqlite": ("ANALYZE",), "postgresql": ("VACUUM ANALYZE", "CHECKPOINT")}

# Each has a name of their own, which they are searched by.
PEOPLE: Final = (
    ", named AS MATERIALIZED (SELECT n, lower({random}) AS name FROM s)"
    " INSERT INTO users"
    " (id, username, name, search, roles, disabled, password_hash, epoch, created_at, updated_at)"
    " SELECT 'u' || n, 'p' || n, name, 'p' || n || ' ' || name, '[]', false, '', 0, 1, 1 FROM named"
)
# Their dates lie a second apart, so that every index is as wide as it would be.
SESSIONS: Final = (
    " INSERT INTO sessions (sid, user_id, kind, generation, created_at, rotated_at, tokens_until,"
    " expires_at, amr, used_at)"
    " SELECT {sid}, 'u' || (n % {people}), 'bearer', 0, {at}, {at}, {until}, {until} + n % {month},"
    " '[\"pwd\"]', {at} FROM s"
)


class Picked(NamedTuple):
    """A session that lives."""

    sid: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with people; the `id` of the first is `u0`, their `username` is `p0`."""

    url: str
    store: SqlStore
    people: int

    @property
    def dialect(self) -> str:
        """Which database it is."""
        return self.url.partition(":")[0]

    async def add_people(self) -> None:
        """Add the people."""
        await self._write(PEOPLE.format(random=RANDOM[self.dialect]), self.people)

    async def add_sessions(self) -> None:
        """Add their sessions."""
        await self._add_sessions(self.people * SESSIONS_EACH, until=NOW + MONTH)

    async def settle(self) -> None:
        """Do what the filling leaves to do."""
        async with outside(self.url) as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            for statement in SETTLE[self.dialect]:
                await connection.execute(sa.text(statement))

    async def add_over(self, number: int) -> None:
        """Add sessions that have been over for long."""
        await self._add_sessions(number, until=1)

    async def _add_sessions(self, number: int, *, until: int) -> None:
        insert = SESSIONS.format(
            sid=RANDOM[self.dialect],
            people=self.people,
            at=f"{NOW} - n % {MONTH}",
            until=until,
            month=MONTH,
        )
        await self._write(insert, number)

    async def _write(self, insert: str, number: int) -> None:
        async with outside(self.url) as connection:
            await connection.execute(sa.text(SERIES[self.dialect] + insert), {"many": number})
            await connection.commit()

    async def remove_new(self) -> None:
        """Remove the sessions that were opened since, so that each round finds the same."""
        async with outside(self.url) as connection:
            statement = sa.text("DELETE FROM sessions WHERE created_at > :now")
            await connection.execute(statement, {"now": NOW})
            await connection.commit()

    async def pick(self, number: int) -> list[Picked]:
        """Return living sessions, each of somebody else."""
        query = sa.text(
            "SELECT sid FROM sessions WHERE user_id = :who AND expires_at > :now LIMIT 1"
        )
        picked = []
        async with outside(self.url) as connection:
            for person in random.sample(range(self.people), min(number, self.people)):
                row = await connection.execute(query, {"who": f"u{person}", "now": NOW})
                picked.append(Picked(row.scalar_one(), f"u{person}"))
        return picked


@asynccontextmanager
async def filled(url: str, number: int) -> AsyncIterator[Filled]:
    """Open a new database with so many living sessions."""
    async with open_store(url, outbox=True) as store:
        await store.upgrade_schema()
        made = Filled(url, store, number // SESSIONS_EACH)
        await made.add_people()
        await made.add_sessions()
        await made.settle()
        yield made


@asynccontextmanager
async def populated(url: str, people: int) -> AsyncIterator[Filled]:
    """Open a new database with so many people who never logged in."""
    async with open_store(url, outbox=True) as store:
        await store.upgrade_schema()
        made = Filled(url, store, people)
        await made.add_people()
        await made.settle()
        yield made
