"""Canaries go the way of every logout, and are measured where a feed brings them."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from sidecar.app.canary import Canaries, Ear
from sidecar.clock import read_clock, read_unix_ms
from sidecar.core.canary import LIFE, PREFIX, Canary
from sidecar.core.propagation import BOUNDS, Propagation, Whose
from sidecar.core.revocation import RevocationView
from sidecar.revocations import Revocations
from sidecar.stores.redis.feed import RedisFeed
from sidecar.stores.sql import SqlStore, feed
from tests.contracts.redis_readers import LATE, entries, token
from tests.contracts.sql_stores import KEEP, REFRESH_TTL, run_sql
from tests.contracts.trail import read_told
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds, of a machine that does other things too
PERIOD = 0.05  # seconds
PATIENCE = 10.0  # seconds; a test that waits longer has failed
US, THEM = "0123456789abcdef", "fedcba9876543210"


@dataclass(slots=True)
class Replica:
    """What of a process has to do with canaries; none is released unless a test says so."""

    store: SqlStore
    view: RevocationView
    propagation: Propagation
    canaries: Canaries

    async def release(self) -> str:
        """Release a canary and return its subject; there is none where it could not be written."""
        await self.canaries.release()
        held = [subject for subject in self.view._tokens if subject.startswith(PREFIX)]
        return max(held, default="")

    def count(self, whose: Whose, feed: str) -> int:
        return sum(self.propagation.histograms[whose, feed].counts)

    def count_all(self) -> int:
        return sum(sum(each.counts) for each in self.propagation.histograms.values())

    async def until(self, whose: Whose, feed: str, number: int = 1) -> float:
        """Wait until so many were brought by this feed; return the longest bucket that has any."""
        async with asyncio.timeout(PATIENCE):
            while self.count(whose, feed) < number:  # noqa: ASYNC110 - a feed tells nobody else
                await asyncio.sleep(0.01)
        counts = self.propagation.histograms[whose, feed].counts
        return max(bound for bound, one in zip(BOUNDS, counts, strict=False) if one)


@asynccontextmanager
async def serving(
    store: SqlStore,
    name: str = US,
    server: RedisServer | None = None,
    *,
    feeds: Sequence[str] = ("sql", "redis"),
) -> AsyncIterator[Replica]:
    """Run these feeds of a process for the length of the block, where it has them."""
    view, propagation = RevocationView(), Propagation(name)
    ear = Ear(view, propagation)
    async with AsyncExitStack() as stack:
        redis = None
        if server is not None:
            redis = RedisFeed(server.url, apply=ear.listen("redis"), heard=view.heard)
            stack.push_async_callback(redis.aclose)
        revocations = Revocations(store.revocations, store.revocations, view, redis, KEEP)
        sql = store.make_feed(ear.listen("sql"), view.heard)
        await sql.start()
        propagation.begin(read_unix_ms())
        running = {"sql": sql, "redis": redis}
        tasks = [
            asyncio.create_task(each.run()) for each in map(running.get, feeds) if each is not None
        ]
        try:
            yield Replica(store, view, propagation, Canaries(propagation, revocations, PERIOD))
            assert not any(task.done() for task in tasks), tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_process_measures_it_the_one_that_released_it_too(
    store: SqlStore, other: SqlStore
) -> None:
    async with serving(store) as here, serving(other, THEM) as there:
        first = await here.release()
        assert await here.until(Whose.OWN, "sql") <= BY_SQL
        second = await here.release()  # which says when the first was acknowledged
        assert await there.until(Whose.OTHER, "sql") <= BY_SQL
        await here.until(Whose.OWN, "sql", 2)
        assert there.view.refuses_token(first)
        assert there.view.refuses_token(second)
        assert (here.count_all(), there.count_all()) == (2, 1)
        assert here.propagation.count_replicas(read_clock().monotonic) == 1
        assert there.propagation.count_replicas(read_clock().monotonic) == 1


async def test_that_it_is_refused_at_once_where_it_was_released_says_nothing(
    store: SqlStore,
) -> None:
    async with serving(store, feeds=()) as here:
        assert here.view.refuses_token(await here.release())
        await asyncio.sleep(2 * PERIOD)
        assert here.count_all() == 0
        silence = here.propagation.find_silence(read_clock().monotonic)
        assert silence is not None
        assert silence >= PERIOD


async def test_redis_brings_it_too(
    store: SqlStore, other: SqlStore, redis_server: RedisServer
) -> None:
    async with (
        serving(store, US, redis_server, feeds=["redis"]) as here,
        serving(other, THEM, redis_server, feeds=["redis"]) as there,
    ):
        for number in (1, 2):
            await here.release()
            await here.until(Whose.OWN, "redis", number)
        await there.until(Whose.OTHER, "redis")
        assert (here.count_all(), there.count_all()) == (2, 1)
        assert not await store.revocations.read_outbox()


async def test_what_both_feeds_bring_is_counted_once(
    store: SqlStore, other: SqlStore, redis_server: RedisServer
) -> None:
    async with (
        serving(store, US, redis_server) as here,
        serving(other, THEM, redis_server) as there,
    ):
        for _ in range(5):
            await here.release()
            await asyncio.sleep(2 * feed.PERIOD)  # in which both have brought it, in any order
        assert (here.count_all(), there.count_all()) == (5, 4)
        assert sum(here.count(Whose.OWN, each) for each in ("sql", "redis")) == 5
        assert sum(there.count(Whose.OTHER, each) for each in ("sql", "redis")) == 4


async def test_while_redis_is_away_sql_brings_it_and_it_waits_to_be_announced(
    store: SqlStore, other: SqlStore, redis_server: RedisServer
) -> None:
    assert redis_server.program is not None
    await redis_server.program.end(signal.SIGKILL)
    async with (
        serving(store, US, redis_server) as here,
        serving(other, THEM, redis_server) as there,
    ):
        subjects = []
        for number in (1, 2):
            subjects.append(await here.release())
            await here.until(Whose.OWN, "sql", number)
        await there.until(Whose.OTHER, "sql")
        waiting = await store.revocations.read_outbox()
        assert [entry.revocation.subject for entry in waiting] == subjects
        assert here.propagation.failures == 0


async def test_neither_the_log_nor_the_audit_trail_has_it(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar")
    async with serving(store) as here:
        subject = await here.release()
        await here.until(Whose.OWN, "sql")
        assert subject not in caplog.text
        assert not [record for record in caplog.records if record.name == "sidecar.revocation"]
        assert await read_told(store) == []


async def test_what_is_really_revoked_is_logged_and_measures_nothing(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.revocation")
    async with serving(store) as here:
        revocations = here.canaries._revocations
        await revocations.publish(entries(token("AAAAAAAAAAAAAAAAAAAAAA")))
        assert [record.getMessage() for record in caplog.records] == ["revoked"]
        await store.revocations.revoke_token("AAAAAAAAAAAAAAAAAAAAAB", forget_at=LATE)
        await here.release()
        await here.until(Whose.OWN, "sql")
        assert here.view.refuses_token("AAAAAAAAAAAAAAAAAAAAAB")
        assert here.count_all() == 1


async def test_where_it_cannot_be_written_that_is_counted_and_nothing_else_said(
    store: SqlStore, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(store, feeds=()) as here:
        await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
        caplog.set_level(logging.DEBUG, "sidecar")
        assert await here.release() == ""
        assert here.propagation.failures == 1
        assert [record for record in caplog.records if record.name.startswith("sidecar")] == []
        await run_sql(database_url, "ALTER TABLE away RENAME TO revocations")
        assert await here.release()
        assert here.propagation.failures == 1


async def test_what_lies_there_as_a_process_starts_measures_nothing(
    store: SqlStore, other: SqlStore
) -> None:
    async with serving(store, feeds=()) as here:
        first = await here.release()
        await asyncio.sleep(PERIOD)
        async with serving(other, THEM) as there:
            assert there.view.refuses_token(first)
            for _ in range(2):
                await here.release()
                await asyncio.sleep(PERIOD)
            await there.until(Whose.OTHER, "sql")
            assert there.count_all() == 1


async def test_who_slept_until_the_last_one_was_forgotten_misses_nothing_that_came_meanwhile(
    store: SqlStore, other: SqlStore
) -> None:
    """Nothing is in the log where the feed stopped reading, and the end of it is not all."""
    view = RevocationView()
    sleeper = store.make_feed(view.apply, view.heard)
    now = read_clock().unix
    await other.revocations.revoke_token(Canary(THEM, 1000 * now).subject, forget_at=now - 1)
    await sleeper.start()
    for number in range(3):
        await other.revocations.revoke_token(f"j-{number}", forget_at=LATE)
    await other.sweep.purge(now, refresh_ttl=REFRESH_TTL)
    before = read_clock().monotonic
    running = asyncio.create_task(sleeper.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while (view.read_at or 0.0) < before:  # noqa: ASYNC110 - a view tells nobody
                await asyncio.sleep(0)
        assert all(view.refuses_token(f"j-{number}") for number in range(3))
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_it_is_forgotten_soon_everywhere(store: SqlStore) -> None:
    async with serving(store) as here:
        subject = await here.release()
        now = read_clock().unix
        for passed, held in ((LIFE - 10, True), (LIFE + 10, False)):
            here.view.forget(now + passed)
            assert here.view.refuses_token(subject) is held
            await store.sweep.purge(now + passed, refresh_ttl=REFRESH_TTL)
            assert bool(await store.revocations.read_entries(0)) is held
            assert bool(await store.revocations.read_outbox()) is held


async def test_one_is_released_every_period_also_after_one_that_failed(
    store: SqlStore, database_url: str
) -> None:
    async with serving(store) as here:
        running = asyncio.create_task(here.canaries.run())
        await here.until(Whose.OWN, "sql", 2)
        await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
        async with asyncio.timeout(PATIENCE):
            while here.propagation.failures < 2:  # noqa: ASYNC110 - a count tells nobody
                await asyncio.sleep(PERIOD)
        await run_sql(database_url, "ALTER TABLE away RENAME TO revocations")
        await here.until(Whose.OWN, "sql", here.count(Whose.OWN, "sql") + 2)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
