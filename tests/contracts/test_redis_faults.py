"""Redis killed, emptied, trimmed, frozen, rewound or full of rubbish: a view only grows."""

import asyncio
import logging
import signal
import time
from typing import Any

import pytest

from sidecar.stores.redis.feed import ANNOUNCE_TIMEOUT, READ_TIMEOUT
from sidecar.stores.redis.log import ANNOUNCE, META, SNAPSHOT, STREAM
from tests.contracts.redis_readers import LATE, entries, raw_client, reading, token
from tests.programs.redis import RedisServer

SLACK = 0.3  # seconds that a busy machine may add to a bound


@pytest.mark.asyncio
async def test_killed_and_restarted_empty(redis_server: RedisServer) -> None:
    async with reading(redis_server.url) as here, reading(redis_server.url) as there:
        assert await here.feed.announce(entries(token("before")))
        await there.until_holds("before")
        assert redis_server.program is not None
        await redis_server.program.end(signal.SIGKILL)
        assert not await here.feed.announce(entries(token("meanwhile")))
        await there.until(lambda: not there.feed.healthy)
        await redis_server.start()
        await there.until(lambda: there.feed.healthy)
        assert await here.feed.announce(entries(token("meanwhile"), token("after")))
        await there.until_holds("before", "meanwhile", "after")
        assert there.view._tokens.keys() == {"before", "meanwhile", "after"}


@pytest.mark.asyncio
async def test_flushed_under_readers_that_wait(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(redis_server.url) as here, reading(redis_server.url) as there:
        assert await here.feed.announce(entries(token("before")))
        await there.until_holds("before")
        async with raw_client(redis_server.url) as client:
            await client.flushall()
            assert await here.feed.announce(entries(token("after")))
            await there.until_holds("after")
            assert there.view._tokens.keys() == {"before", "after"}
            await there.until(lambda: there.feed.resnapshots > 0)
            assert there.feed.healthy
            assert await client.exists(META)
    assert "Redis was emptied or failed over" in caplog.text


@pytest.mark.asyncio
async def test_a_flush_that_nobody_announces_after_is_noticed(redis_server: RedisServer) -> None:
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        await there.until_fresh()
        founded = await client.hget(META, "incarnation")
        await client.flushall()
        await there.until(lambda: there.feed.resnapshots > 0)
        assert await client.hget(META, "incarnation") not in {None, founded}


@pytest.mark.asyncio
async def test_a_redis_that_lost_something_does_not_make_a_view_fresh(
    redis_server: RedisServer,
) -> None:
    """What was announced to the lost one may never have been read here: only SQL knows."""
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        await there.until_fresh()
        await client.flushall()
        await there.until(lambda: there.feed.resnapshots > 0)
        heard = len(there.heard)
        assert await there.feed.announce(entries(token("after")))
        await there.until_holds("after")
        await there.until_checked()
        assert len(there.heard) == heard


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.asyncio
async def test_trimmed_before_a_reader_came_to_it(redis_server: RedisServer, kept: int) -> None:
    """In one transaction: the reader sees the stream only as it is after the trim."""
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        await there.until_fresh()
        transaction: Any = client.pipeline(transaction=True)
        members = [f"token 0 j-{number}" for number in range(5)]
        for member in members:
            arguments = ("other", 1, 10_000, 100, member, LATE)
            transaction.eval(ANNOUNCE, 3, SNAPSHOT, STREAM, META, *arguments)
        await transaction.xtrim(STREAM, maxlen=kept, approximate=False).execute()
        await there.until_holds(*(f"j-{number}" for number in range(5)))
        await there.until_fresh()
        assert there.feed.resnapshots == 1


@pytest.mark.asyncio
async def test_a_failover_that_rewinds_is_noticed(redis_server: RedisServer) -> None:
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        assert await there.feed.announce(entries(*(token(f"j-{number}") for number in range(5))))
        await there.until_holds("j-4")
        await client.hset(META, "sequence", "2")
        await client.delete(STREAM)
        await client.zadd(SNAPSHOT, {"token 0 only-in-the-snapshot": LATE})
        await there.until(lambda: there.feed.resnapshots > 0)
        await there.until_holds("only-in-the-snapshot")
        assert await there.feed.announce(entries(token("after")))
        await there.until_holds("after")


@pytest.mark.asyncio
async def test_what_only_the_snapshot_holds_is_found_without_a_gap(
    redis_server: RedisServer,
) -> None:
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        await there.until_fresh()
        await client.zadd(SNAPSHOT, {"token 0 unannounced": LATE})
        await there.until_holds("unannounced")
        assert there.feed.resnapshots == 0


@pytest.mark.asyncio
async def test_frozen_for_longer_than_every_timeout(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    async with reading(redis_server.url) as there:
        assert await there.feed.announce(entries(token("before")))
        await there.until_fresh()
        assert redis_server.program is not None
        server = redis_server.program.process
        server.send_signal(signal.SIGSTOP)
        frozen = time.monotonic()
        # More at once than there are connections: those that wait for one are bounded as well.
        done = await asyncio.gather(
            *(there.feed.announce(entries(token(f"j-{number}"))) for number in range(20))
        )
        assert not any(done)
        assert time.monotonic() - frozen < ANNOUNCE_TIMEOUT + SLACK
        assert there.heard[-1] <= frozen
        await there.until(lambda: time.monotonic() - frozen > READ_TIMEOUT + 1)
        assert not there.feed.healthy
        assert there.heard[-1] <= frozen
        server.send_signal(signal.SIGCONT)
        await there.until_fresh()
        assert await there.feed.announce(entries(token("after")))
        await there.until_holds("before", "after")
        await there.until(lambda: there.feed.healthy)
        assert there.feed.failed == 20
    assert caplog.text.count("Redis does not answer") == 1
    assert caplog.text.count("Redis carries revocations again") == 1


@pytest.mark.asyncio
async def test_rubbish_in_the_structures_is_passed_over_and_said_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(redis_server.url) as client:
        rubbish = (
            b"",
            b"token",
            b"pet",
            b"Pet 0 p",
            b"token x y",
            b"user 99999999999999999999 u",
            b"\xff",
        )
        await client.zadd(SNAPSHOT, dict.fromkeys(rubbish, LATE))
        await client.zadd(SNAPSHOT, {"token 0 endless": "+inf", "token 0 early": "-inf"})
        await client.hset(META, mapping={"incarnation": b"\xff", "sequence": "many"})
        await client.xadd(STREAM, {b"\xff": b"\xfe"})
        async with reading(redis_server.url) as there:
            await there.until_fresh()
            assert await there.feed.announce(entries(token("one")))
            await there.until_holds("one")
            await client.xadd(STREAM, {"member": "token 0 unmarked"})
            await client.xadd(STREAM, {b"\xff": b"\xfe"})
            await client.xadd(STREAM, {"incarnation": "other", "sequence": "1"})
            assert await there.feed.announce(entries(token("two")))
            await there.until_holds("two")
            await there.until_fresh()
            assert there.feed.healthy
            assert there.feed.skipped >= len(rubbish)
            assert there.view._tokens.keys() <= {"one", "two", "unmarked"}
    said = [record for record in caplog.records if "skipped what is no" in record.getMessage()]
    assert len(said) == 1


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.asyncio
async def test_what_a_newer_version_takes_away_is_not_overlooked(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture, *, early: bool
) -> None:
    """It may be anything: whoever cannot judge it does not know what is revoked."""
    async with raw_client(redis_server.url) as client:
        if early:
            await client.zadd(SNAPSHOT, {"later 0 l": LATE})
        async with reading(redis_server.url) as there:
            if not early:
                await there.until_fresh()
                await client.zadd(SNAPSHOT, {"later 0 l": LATE})
            await there.until(lambda: "a newer version wrote" in caplog.text)
            heard = list(there.heard)
            assert await there.feed.announce(entries(token("one")))
            await there.until_holds("one")  # what it does know holds all the same
            await there.until_checked()
            assert there.heard == heard
            assert not there.feed.healthy
    assert caplog.text.count("a newer version wrote") == 1


@pytest.mark.parametrize("key", [SNAPSHOT, STREAM, META])
@pytest.mark.asyncio
async def test_a_name_that_holds_something_else_is_named_and_recovered_from(
    redis_server: RedisServer, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        await there.until_fresh()
        await client.set(key, "something else")
        assert not await there.feed.announce(entries(token("j")))
        await there.until(lambda: not there.feed.healthy)
        await client.delete(key)
        await there.until(lambda: there.feed.healthy)
        assert await there.feed.announce(entries(token("j")))
        await there.until_holds("j")
    said = [record for record in caplog.records if "something else lies in" in record.getMessage()]
    assert len(said) == 1


@pytest.mark.asyncio
async def test_connections_that_are_cut_are_made_again(redis_server: RedisServer) -> None:
    async with reading(redis_server.url) as there, raw_client(redis_server.url) as client:
        for number in range(5):
            await there.until_fresh()
            await client.client_kill_filter(_type="normal", skipme=True)
            await there.until_fresh()
            # The pool may hand out each cut connection once.
            done = [await there.feed.announce(entries(token(f"j-{number}"))) for _ in range(8)]
            assert any(done)
            await there.until_holds(f"j-{number}")


@pytest.mark.asyncio
async def test_a_feed_ends_at_whatever_moment_it_is_cancelled(redis_server: RedisServer) -> None:
    for turn in range(40):
        async with reading(redis_server.url) as there:
            await there.until_fresh()
            running = there.running
            for _ in range(turn % 8):
                await asyncio.sleep(0)  # a different point of the next turn each time
        assert running.cancelled()


@pytest.mark.asyncio
async def test_what_is_too_late_says_nothing_where_a_later_announcement_came_through(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A Redis that is well again is not told of as away for what had been under way before."""
    async with reading(redis_server.url) as there:
        await there.until_fresh()
        late = asyncio.create_task(there.feed._announcements._try(asyncio.Event().wait()))
        await asyncio.sleep(0)
        assert await there.feed.announce(entries(token("j")))
        assert not await late
        assert there.feed.healthy
        assert not await there.feed._announcements._try(asyncio.Event().wait())
        assert not there.feed.healthy
    assert caplog.text.count("Redis does not answer") == 1
