"""A Redis that lost what was announced to it is filled from SQL, by one of all processes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from sidecar.core.revocation import Revocation
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.redis import refill
from sidecar.stores.redis.log import CLAIM, META, SNAPSHOT, STREAM
from sidecar.stores.sql import SqlStore
from tests.contracts.redis_readers import LATE, Reader, entries, raw_client, reading, token
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio


class MemoryLog:
    """The port FeedStore; `away` is whether it does not answer, `gate` holds up what is behind."""

    def __init__(self, *revocations: Revocation) -> None:
        self.entries = entries(*revocations)
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = 0

    async def read_entries(self, after: int, most: int | None = None) -> Sequence[Entry]:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        found = [entry for entry in self.entries if entry.sequence > after][:most]
        if self.reads > 1:
            await self.gate.wait()
        return found

    async def read_last_entry(self) -> Entry | None:
        return self.entries[-1] if self.entries else None


@asynccontextmanager
async def reading_all(url: str, logs: Sequence[MemoryLog]) -> AsyncIterator[list[Reader]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(reading(url, store=log)) for log in logs]


def refills(readers: Sequence[Reader]) -> int:
    return sum(reader.feed.counters()["refills"] for reader in readers)


async def until_filled(readers: Sequence[Reader], times: int = 1) -> None:
    await readers[0].until(lambda: refills(readers) >= times)


async def test_flushed_under_three_readers_one_fills_and_a_newcomer_reads_all(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    subjects = [f"j-{number}" for number in range(2_500)]
    log = MemoryLog(*map(token, subjects), token("over", forget_at=1))
    async with reading_all(redis_server.url, [log] * 3) as readers:
        await until_filled(readers)
        for reader in readers:
            await reader.until_fresh()
        async with raw_client(redis_server.url) as client:
            await client.flushall()
            await until_filled(readers, 2)
            assert await client.zcard(SNAPSHOT) == len(subjects)
            assert await client.exists(CLAIM) == 0
        for reader in readers:
            await reader.until_fresh()  # what SQL has is there: Redis counts again
        async with reading(redis_server.url) as newcomer:
            await newcomer.until_holds(*subjects)
            await newcomer.until_fresh()
            assert "over" not in newcomer.arrived
        assert refills(readers) == 2
    assert caplog.text.count("Redis was emptied or failed over") == 3
    assert caplog.text.count("Redis was filled from SQL") == 2


async def test_what_sql_holds_comes_into_a_redis_that_is_there_for_the_first_time(
    redis_server: RedisServer, store: SqlStore
) -> None:
    await store.revocations.revoke_token("j-1", forget_at=LATE)
    async with reading(redis_server.url, store=store.revocations) as here:
        await until_filled([here])
        async with reading(redis_server.url) as newcomer:
            await newcomer.until_holds("j-1")


async def test_who_asked_while_another_filled_does_not_fill_it_again(
    redis_server: RedisServer,
) -> None:
    log = MemoryLog(token("j-1"))
    async with (
        reading(redis_server.url, store=log) as here,
        raw_client(redis_server.url) as client,
    ):
        await until_filled([here])
        incarnation = str(await client.hget(META, "incarnation"))
        before, late = log.reads, refill.Refill(client, log)
        await late._fill(incarnation)
        assert log.reads == before
        assert await client.exists(CLAIM) == 0
        await client.hdel(META, "filled")
        await late._fill(incarnation)
        assert log.reads > before


async def test_who_dies_while_filling_is_succeeded_when_the_claim_is_over(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "CLAIM_TTL", 1_000)
    subjects = [f"j-{number}" for number in range(1_500)]
    held, other = MemoryLog(*map(token, subjects)), MemoryLog(*map(token, subjects))
    held.gate.clear()
    async with raw_client(redis_server.url) as client:
        async with reading(redis_server.url, store=held) as dying:
            await dying.until(lambda: held.reads > 1)
            assert await client.zcard(SNAPSHOT) == 1_000  # the first page
        assert await client.hget(META, "filled") is None
        async with reading(redis_server.url, store=other) as successor:
            await until_filled([successor])
            assert await client.zcard(SNAPSHOT) == len(subjects)
            assert await client.hget(META, "filled") == await client.hget(META, "incarnation")


async def test_while_one_fills_no_other_does(redis_server: RedisServer) -> None:
    held, other = MemoryLog(token("j")), MemoryLog(token("j"))
    held.gate.clear()
    async with reading(redis_server.url, store=held) as filling:
        await filling.until(lambda: held.reads > 1)
        async with reading(redis_server.url, store=other) as waiting:
            await waiting.until_checked()
            await waiting.until_checked()
            assert other.reads == 0
            held.gate.set()
            await until_filled([filling])
            assert other.reads == 0


async def test_sql_away_meanwhile_it_is_tried_again(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refill, "CLAIM_TTL", 200)
    log = MemoryLog(token("j"))
    log.away = True
    async with reading(redis_server.url, store=log) as here:
        await here.until(lambda: log.reads > 2)
        assert refills([here]) == 0
        log.away = False
        await until_filled([here])
        await here.until_holds("j")
    assert caplog.text.count("Redis cannot be filled from SQL yet") == 1


async def test_emptied_again_while_it_is_filled_it_is_filled_again(
    redis_server: RedisServer,
) -> None:
    """What was added before the second loss is gone: the log that came after is not marked."""
    subjects = [f"j-{number}" for number in range(1_500)]
    log = MemoryLog(*map(token, subjects))
    log.gate.clear()
    async with (
        raw_client(redis_server.url) as client,
        reading(redis_server.url, store=log) as here,
    ):
        await here.until(lambda: log.reads > 1)
        founded = await client.hget(META, "incarnation")
        await client.flushall()
        await here.until(lambda: here.feed.resnapshots > 0)
        log.gate.set()
        await until_filled([here])
        assert await client.hget(META, "incarnation") != founded
        assert await client.hget(META, "filled") == await client.hget(META, "incarnation")
        async with reading(redis_server.url) as newcomer:
            await newcomer.until_holds(*subjects)


async def test_a_log_that_went_back_is_founded_anew_and_filled(redis_server: RedisServer) -> None:
    """A failover to a replica that was behind: those that had read further know what is missing."""
    log = MemoryLog(*(token(f"j-{number}") for number in range(5)))
    async with (
        raw_client(redis_server.url) as client,
        reading(redis_server.url, store=log) as here,
    ):
        await until_filled([here])
        assert await here.feed.announce(log.entries)
        await here.until_fresh()
        founded = await client.hget(META, "incarnation")
        await client.hset(META, "sequence", "2")
        await client.delete(STREAM, SNAPSHOT)
        await until_filled([here], 2)
        assert await client.hget(META, "incarnation") != founded
        await here.until_fresh()
        async with reading(redis_server.url) as newcomer:
            await newcomer.until_holds(*(f"j-{number}" for number in range(5)))


async def test_a_log_that_went_back_and_was_written_to_meanwhile_is_found_out(
    redis_server: RedisServer,
) -> None:
    """Its sequence is no smaller than what was read: the entries themselves give it away."""
    log = MemoryLog(*(token(f"j-{number}") for number in range(5)))
    async with (
        raw_client(redis_server.url) as client,
        reading(redis_server.url, store=log) as here,
    ):
        await until_filled([here])
        assert await here.feed.announce(log.entries)
        await here.until_fresh()
        founded = await client.hget(META, "incarnation")
        assert founded is not None
        transaction: Any = client.pipeline(transaction=True)
        transaction.delete(STREAM, SNAPSHOT)
        for number in range(3, 9):
            fields = {"member": f"token 0 k-{number}", "forget_at": str(LATE)}
            transaction.xadd(STREAM, {"incarnation": founded, "sequence": str(number), **fields})
        transaction.hset(META, "sequence", "8")
        await transaction.execute()
        await until_filled([here], 2)
        assert await client.hget(META, "incarnation") != founded
        await here.until_fresh()
