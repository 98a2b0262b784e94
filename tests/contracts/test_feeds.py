"""What every feed promises, on SQLite, PostgreSQL and Redis alike; the rest stands by each."""

import asyncio
import itertools
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.stores.redis.feed import RedisFeed
from sidecar.stores.sql import SqlStore, open_store
from tests.contracts import redis_readers, sql_readers
from tests.contracts.redis_readers import LATE, contents, entries, raw_client, token
from tests.contracts.sql_stores import run_sql
from tests.programs.redis import RedisServer, serving_redis

pytestmark = pytest.mark.asyncio

LONGEST = 64  # characters of a subject, as claims bound them
BOUND = 1.0  # seconds, the longest that any feed is allowed; Redis has its own, which is less
QUIET = 2.0  # seconds in which nobody writes anything
OF_EVERY_LEVEL = (
    Revocation(Level.TOKEN, "j-1", 0, LATE),
    Revocation(Level.SESSION, "s-1", 0, LATE + 1),
    Revocation(Level.USER, "u-1", 7, LATE + 2),
    Revocation(Level.KEY, "k-1", 0, LATE + 3),
    Revocation(Level.EVERYONE, "", 3, LATE),
    # As long as a subject and an epoch may be, and of four octets each.
    Revocation(Level.SESSION, "s" * LONGEST, 0, LATE + 4),
    Revocation(Level.TOKEN, "\N{GRINNING FACE}" * LONGEST, 0, LATE + 5),
    Revocation(Level.USER, "\N{GOTHIC LETTER AHSA}" * LONGEST, 2**63 - 1, LATE + 6),
)

Reader = redis_readers.Reader | sql_readers.Reader


class Carrier(Protocol):
    """What carries revocations from one replica to the others."""

    async def commit(self, *revocations: Revocation) -> None:
        """Write these as another replica does, and return once they are acknowledged."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """Run the feed of a replica for the length of the block."""
        ...

    def away(self) -> AbstractAsyncContextManager[None]:
        """Have it fail for the length of the block; it comes back with what it held."""
        ...

    async def empty(self) -> None:
        """Have it lose all that it holds."""
        ...


class SqlCarrier:
    """A database."""

    def __init__(self, url: str, store: SqlStore, writers: list[SqlStore]) -> None:
        self._url = url
        self._store = store
        self._writers = itertools.cycle(writers)

    async def commit(self, *revocations: Revocation) -> None:
        writer = next(self._writers)
        async with writer._database.write(log=True) as connection:
            await writer.revocations.record(connection, *revocations)

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        return sql_readers.reading(self._store)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await run_sql(self._url, "ALTER TABLE revocations RENAME TO away")
        yield
        await run_sql(self._url, "ALTER TABLE away RENAME TO revocations")

    async def empty(self) -> None:
        await run_sql(self._url, "DELETE FROM revocations")


class RedisCarrier:
    """A Redis."""

    def __init__(self, server: RedisServer, writers: list[RedisFeed]) -> None:
        self._server = server
        self._writers = itertools.cycle(writers)

    async def commit(self, *revocations: Revocation) -> None:
        assert await next(self._writers).announce(entries(*revocations))

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        return redis_readers.reading(self._server.url)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        assert self._server.program is not None
        self._server.program.process.send_signal(signal.SIGSTOP)
        yield
        self._server.program.process.send_signal(signal.SIGCONT)

    async def empty(self) -> None:
        async with raw_client(self._server.url) as client:
            await client.flushall()


@asynccontextmanager
async def opened_redis(folder: Path) -> AsyncIterator[RedisCarrier]:
    def make(url: str) -> RedisFeed:
        return RedisFeed(url, apply=lambda _: None, heard=lambda _: None)

    async with (
        serving_redis(folder) as server,
        aclosing(make(server.url)) as one,
        aclosing(make(server.url)) as other,
    ):
        yield RedisCarrier(server, [one, other])


@asynccontextmanager
async def opened_database(url: str) -> AsyncIterator[SqlCarrier]:
    async with (
        open_store(url, outbox=True) as store,
        open_store(url, outbox=True) as one,
        open_store(url, outbox=False) as other,
    ):
        yield SqlCarrier(url, store, [one, other])


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AbstractAsyncContextManager[SqlCarrier | RedisCarrier]:
    """Return what opens the carrier; what it needs is made where no event loop runs yet."""
    if request.param == "redis":
        return opened_redis(tmp_path)
    if request.param == "postgresql":
        return opened_database(request.getfixturevalue("postgres_url"))
    file = tmp_path / "sidecar.db"
    shutil.copy(request.getfixturevalue("current_sqlite"), file)
    return opened_database(f"sqlite:///{file}")


@pytest_asyncio.fixture
async def carrier(
    opened: AbstractAsyncContextManager[SqlCarrier | RedisCarrier],
) -> AsyncIterator[Carrier]:
    """Open what carries revocations."""
    async with opened as made:
        yield made


def view_of(*revocations: Revocation) -> RevocationView:
    view = RevocationView()
    view.apply(revocations)
    return view


@pytest.mark.usefixtures("announced_in_time")
async def test_the_first_view_is_whole(carrier: Carrier) -> None:
    many = [token(f"j-{number}") for number in range(2500)]
    await carrier.commit(*many[:1300])
    await carrier.commit(*many[1300:], *OF_EVERY_LEVEL)
    async with carrier.reading() as reader:
        await reader.until_fresh()
        assert contents(reader.view) == contents(view_of(*many, *OF_EVERY_LEVEL))


async def test_what_others_commit_is_held_within_the_bound_at_every_level(
    carrier: Carrier,
) -> None:
    sent: dict[str, float] = {}
    async with carrier.reading() as reader:
        await reader.until_fresh()
        for number in range(20):
            await carrier.commit(token(f"j-{number}"))
            sent[f"j-{number}"] = time.monotonic()
            await asyncio.sleep(0.01 * number)  # at every moment between two looks
        for revocation in OF_EVERY_LEVEL:
            await carrier.commit(revocation)
            sent[revocation.subject] = time.monotonic()
        await reader.until(lambda: reader.arrived.keys() == sent.keys())
        written = [token(f"j-{number}") for number in range(20)]
        assert contents(reader.view) == contents(view_of(*written, *OF_EVERY_LEVEL))
    assert max(reader.arrived[subject] - at for subject, at in sent.items()) < BOUND


async def test_one_that_carries_nothing_is_heard_of_all_the_time(carrier: Carrier) -> None:
    async with carrier.reading() as reader:
        await reader.until_fresh()
        began, first = time.monotonic(), len(reader.heard) - 1
        await reader.until(lambda: reader.heard[-1] > began + QUIET)
        assert reader.heard == sorted(reader.heard)
        assert reader.feed.healthy
        quiet = reader.heard[first:]
    assert max(b - a for a, b in itertools.pairwise(quiet)) < BOUND


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_and_any_number_make_the_same_view(carrier: Carrier, seed: int) -> None:
    """By two writers in turn, in batches of any size, beside a reader and before another."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    levels = [Level.TOKEN, Level.SESSION, Level.USER, Level.KEY, Level.EVERYONE]
    written: list[Revocation] = []
    for _ in range(60):
        level = chance.choice(levels)
        subject = "" if level is Level.EVERYONE else chance.choice("abc")
        written.append(Revocation(level, subject, chance.randrange(9), LATE + chance.randrange(9)))
    async with carrier.reading() as early:
        todo = [*written, *chance.sample(written, 30)]
        while todo:
            number = chance.randrange(1, 9)
            await carrier.commit(*todo[:number])
            del todo[:number]
        own = contents(view_of(*written))
        await early.until(lambda: contents(early.view) == own)
        async with carrier.reading() as late:
            await late.until_fresh()
            assert contents(late.view) == own
        await early.until_fresh()
        assert contents(early.view) == own


async def test_while_it_is_away_nothing_is_fresh_and_it_goes_on_by_itself(
    carrier: Carrier,
) -> None:
    await carrier.commit(token("first"))
    async with carrier.reading() as reader:
        await reader.until_fresh()
        async with carrier.away():
            away = time.monotonic()
            await reader.until(lambda: not reader.feed.healthy)
            heard = len(reader.heard)
            await asyncio.sleep(BOUND)
            assert len(reader.heard) == heard
            assert reader.heard[-1] <= away
            assert reader.view.refuses_token("first")  # as far as it is known, it still holds
        back = time.monotonic()
        await reader.until_fresh()
        await reader.until(lambda: reader.feed.healthy)
        await carrier.commit(token("after"))
        committed = time.monotonic()
        await reader.until_holds("after")
        assert reader.arrived["after"] - committed < BOUND
        await reader.until_fresh()
    assert all(at <= away or at >= back - BOUND for at in reader.heard)


async def test_what_it_loses_stays_refused(carrier: Carrier) -> None:
    await carrier.commit(*OF_EVERY_LEVEL)
    async with carrier.reading() as reader:
        await reader.until_fresh()
        await carrier.empty()
        await carrier.commit(token("after"))
        await reader.until_holds("after")
        assert contents(reader.view) == contents(view_of(*OF_EVERY_LEVEL, token("after")))
