"""How long after its acknowledgement a revocation is refused by another process on PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from sidecar.core.revocation import Revocation
from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.feed import PERIOD
from sidecar.stores.sql.tables import revocations
from tests.bench.filled import MONTH, NOW
from tests.bench.load import LoadFailed
from tests.bench.plan import Bench
from tests.bench.report import MOST_HEARD, Limit, line
from tests.contracts.sql_stores import outside
from tests.programs.postgres import serving_postgres

PATIENCE: Final = 10.0  # seconds for the last of them
GOLDEN: Final = 0.618  # so that pauses have every length, in no order


@dataclass(frozen=True, slots=True)
class Heard:
    """Milliseconds from acknowledgement to refusal."""

    median: float
    p99: float


@dataclass(frozen=True, slots=True)
class Hearing:
    """Where PostgreSQL tells of commits, and where nothing does."""

    heard: Mapping[str, Heard]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        for name, each in self.heard.items():
            yield Limit(f"refused elsewhere, {name}, p99", each.p99, MOST_HEARD, "ms")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        for name, each in self.heard.items():
            yield line(f"refused elsewhere, {name}, median, ms", each.median)


async def measure_hearing(bench: Bench) -> Hearing:
    """Return how soon another process hears of revocations. Raises LoadFailed."""
    bench.tell(f"{bench.plan.told} revocations, heard of elsewhere")
    return await hear(bench.plan.told)


async def hear(number: int) -> Hearing:
    """Return the figures of so many. Raises LoadFailed."""
    with serving_postgres() as server:
        url = server.make_database()
        async with (
            open_store(url, outbox=False) as one,
            open_store(url, outbox=False) as other,
            outside(url) as connection,
        ):
            await one.upgrade_schema()

            async def revoke(subject: str) -> None:
                await one.revocations.revoke_token(subject, forget_at=NOW + MONTH)

            async def write(subject: str) -> None:
                row = {"level": "token", "subject": subject, "epoch": 0, "forget_at": NOW + MONTH}
                await connection.execute(sa.insert(revocations), row)
                await connection.commit()

            told = await _measure(other, revoke, number)
            return Hearing({"told": told, "looked for": await _measure(other, write, number)})


async def _measure(store: SqlStore, revoke: Callable[[str], Awaitable[None]], number: int) -> Heard:
    sent: dict[str, float] = {}
    async with _reading(store) as arrived:
        for place in range(number):
            subject = f"{revoke.__name__}-{place}"
            await revoke(subject)
            sent[subject] = time.perf_counter()
            await asyncio.sleep(PERIOD * (place * GOLDEN % 1))  # at every moment between two looks
        deadline = time.perf_counter() + PATIENCE
        # What was revoked before may be read once more.
        while missing := sent.keys() - arrived.keys():
            if time.perf_counter() > deadline:
                raise LoadFailed(f"{len(missing)} of {number} revocations did not arrive")
            await asyncio.sleep(PERIOD)
    waits = sorted(max(0.0, arrived[subject] - at) * 1e3 for subject, at in sent.items())
    return Heard(waits[number // 2], waits[number * 99 // 100])


@asynccontextmanager
async def _reading(store: SqlStore) -> AsyncIterator[dict[str, float]]:
    """Run a feed for the length of the block, and yield when what arrived."""
    arrived: dict[str, float] = {}

    def apply(taken: Iterable[Revocation]) -> None:
        for each in taken:
            arrived.setdefault(each.subject, time.perf_counter())

    feed = store.make_feed(apply, lambda _: None)
    await feed.start()
    arrived.clear()
    running = asyncio.create_task(feed.run())
    try:
        yield arrived
    finally:
        running.cancel()
        await asyncio.wait([running])
