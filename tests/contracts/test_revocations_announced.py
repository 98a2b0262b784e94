"""Revocations with Redis: acknowledged without it, announced by the outbox once it is back."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from sidecar.core.audit import OPERATOR, Author
from sidecar.core.revocation import RevocationView
from sidecar.revocations import Revocations
from sidecar.stores.redis.feed import ANNOUNCE_TIMEOUT, RedisFeed
from sidecar.stores.sql import SqlStore
from tests.contracts.redis_readers import LATE, reading
from tests.contracts.sql_stores import KEEP, NOW, add_user, open_session, run_sql
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

PATIENCE = 10.0  # seconds; a test that waits longer has failed
SLACK = 1.0  # seconds that a busy machine may add to a bound


@asynccontextmanager
async def announcing(server: RedisServer) -> AsyncIterator[RedisFeed]:
    """Yield an announcer that reads nothing."""
    feed = RedisFeed(server.url, apply=lambda _: None, heard=lambda _: None)
    async with aclosing(feed) as announcer:
        yield announcer


@asynccontextmanager
async def revoking(store: SqlStore, server: RedisServer) -> AsyncIterator[Revocations]:
    """Yield what revokes and announces; its outbox is not running."""
    async with announcing(server) as announcer:
        yield make_revocations(store, announcer)


def make_revocations(store: SqlStore, announcer: RedisFeed) -> Revocations:
    return Revocations(store.revocations, store.revocations, RevocationView(), announcer, KEEP)


@asynccontextmanager
async def running_outbox(revocations: Revocations) -> AsyncIterator[None]:
    """Run the outbox for the length of the block; it must not end by itself."""
    running = asyncio.create_task(revocations.run_outbox())
    try:
        yield
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:  # another task's write announces itself to nobody
            if await condition():
                return
            await asyncio.sleep(0.05)


async def kill(server: RedisServer) -> None:
    assert server.program is not None
    await server.program.end(signal.SIGKILL)


async def is_empty(store: SqlStore) -> bool:
    return not await store.revocations.read_outbox()


async def test_what_is_announced_leaves_the_outbox(
    store: SqlStore, redis_server: RedisServer
) -> None:
    await open_session(store, await add_user(store))
    async with reading(redis_server.url) as there:
        await there.until_fresh()
        async with revoking(store, redis_server) as revocations:
            assert await revocations.end_session("s-1")
            assert await is_empty(store)
        await there.until_holds("s-1")


async def test_without_redis_it_is_acknowledged_all_the_same_and_announced_later(
    store: SqlStore, redis_server: RedisServer
) -> None:
    await open_session(store, await add_user(store))
    async with announcing(redis_server) as announcer:
        revocations = make_revocations(store, announcer)

        async def was_tried() -> bool:
            return announcer.failed > len(waiting)

        await kill(redis_server)
        began = time.monotonic()
        assert await revocations.end_session("s-1")
        await revocations.end_all_sessions(Author(OPERATOR), NOW)
        assert time.monotonic() - began < 2 * ANNOUNCE_TIMEOUT + SLACK
        waiting = await store.revocations.read_outbox()
        assert [entry.revocation.subject for entry in waiting] == ["s-1", ""]
        async with running_outbox(revocations):
            await until(was_tried)
            assert await store.revocations.read_outbox() == waiting
            await redis_server.start()
            async with reading(redis_server.url) as there:
                await there.until_holds("s-1", "")
            await until(lambda: is_empty(store))


async def test_what_a_process_that_died_left_is_announced_by_another(
    store: SqlStore, other: SqlStore, redis_server: RedisServer
) -> None:
    await store.revocations.revoke_token("left", forget_at=LATE)
    async with (
        reading(redis_server.url) as there,
        revoking(other, redis_server) as revocations,
        running_outbox(revocations),
    ):
        await there.until_holds("left")
        await until(lambda: is_empty(store))


async def test_an_outbox_that_cannot_be_cleared_announces_twice_and_fails_nobody(
    store: SqlStore,
    database_url: str,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entries = await store.revocations.revoke_token("twice", forget_at=LATE)
    await run_sql(database_url, "ALTER TABLE outbox RENAME TO away")
    async with reading(redis_server.url) as there, revoking(store, redis_server) as revocations:
        await revocations.publish(entries)
        await there.until_holds("twice")
        assert "the outbox keeps what was announced" in caplog.text
        await run_sql(database_url, "ALTER TABLE away RENAME TO outbox")
        assert list(await store.revocations.read_outbox()) == list(entries)
        async with running_outbox(revocations):
            await until(lambda: is_empty(store))


async def test_the_outbox_goes_on_after_the_database_was_away(
    store: SqlStore,
    database_url: str,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar.revocation")

    async def is_said() -> bool:
        return "the outbox could not be read" in caplog.text

    await store.revocations.revoke_token("late", forget_at=LATE)
    await run_sql(database_url, "ALTER TABLE outbox RENAME TO away")
    async with (
        reading(redis_server.url) as there,
        revoking(store, redis_server) as revocations,
        running_outbox(revocations),
    ):
        await until(is_said)
        assert "late" not in there.arrived
        await run_sql(database_url, "ALTER TABLE away RENAME TO outbox")
        await there.until_holds("late")
