"""Writers vouch in Redis, and who reads it there takes it as it is meant."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar.core.revocation import Revocation
from sidecar.core.unannounced import Unannounced
from sidecar.core.writers import MARK, Writers
from sidecar.ports import Entry
from sidecar.stores.redis import vouching as module
from sidecar.stores.redis.feed import RedisFeed
from sidecar.stores.redis.log import WRITERS
from tests.contracts.redis_readers import entries, raw_client, token
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

PATIENCE = 15.0  # seconds; a test that waits longer has failed
LATE = 3.0  # seconds after which Redis is not fresh while somebody is silent, on a busy machine
OLD = 1.5  # seconds that what Redis says may be old, the machine's own waits left out
HERE, THERE = f"{MARK}{1:012x}", f"{MARK}{2:012x}"


@dataclass(slots=True)
class Process:
    """What of a process has to do with Redis."""

    feed: RedisFeed
    writers: Writers
    unannounced: Unannounced[Entry]
    as_of: float = 0.0

    def hear(self, at: float) -> None:
        fresh = self.writers.fresh_as_of(at)
        self.as_of = max(self.as_of, 0.0 if fresh is None else fresh)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - a feed tells nobody else
                await asyncio.sleep(0.02)

    async def until_fresh(self) -> None:
        """Wait until what Redis says is fresh as of some moment from now on."""
        now = time.monotonic()
        await self.until(lambda: self.as_of >= now)

    async def stays_old(self) -> None:
        """Make sure that what is read now is not fresh, however often it is read."""
        await asyncio.sleep(OLD)  # what was vouched for before is read by then
        before = self.as_of
        await asyncio.sleep(1.0)
        assert self.as_of == before

    async def revoke(self, *revocations: Revocation) -> bool:
        number = self.unannounced.begin(entries(*revocations))
        if await self.feed.announce(entries(*revocations)):
            self.unannounced.end(number)
            return True
        self.unannounced.fail(number)
        return False


@asynccontextmanager
async def running(server: RedisServer, name: str, user: str = "") -> AsyncIterator[Process]:
    """Run a process for the length of the block; it does not say that it ends."""
    writers, unannounced = Writers(name, f"host/{name[-1]}"), Unannounced[Entry]()
    heard: list[Callable[[float], None]] = []
    feed = RedisFeed(
        server.url.replace("//", f"//{user}", 1),
        apply=lambda _: None,
        heard=lambda at: heard[0](at),  # noqa: PLW0108 - it is not there yet
        writers=writers,
        unannounced=unannounced,
    )
    async with aclosing(feed):
        process = Process(feed, writers, unannounced)
        heard.append(process.hear)
        tasks = [asyncio.create_task(each) for each in (feed.run(), feed.vouch())]
        try:
            yield process
            assert not any(task.done() for task in tasks), tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def test_while_all_vouch_redis_is_fresh_and_goes_on_to_be(redis_server: RedisServer) -> None:
    async with running(redis_server, HERE) as here, running(redis_server, THERE) as there:
        await here.until(lambda: len(here.writers) == 2)
        ages = []
        for _ in range(10):
            await here.until_fresh()
            ages.append(time.monotonic() - here.as_of)
        await there.until_fresh()
        assert sorted(ages)[len(ages) // 2] < OLD, ages


async def test_one_that_could_not_announce_stops_it_until_it_has(redis_server: RedisServer) -> None:
    async with (
        running(redis_server, HERE) as here,
        running(redis_server, THERE) as there,
        raw_client(redis_server.url) as operator,
    ):
        await here.until(lambda: len(here.writers) == 2)
        await here.until_fresh()
        # As by a Redis that was full for a moment: it takes everything again at once.
        await operator.config_set("maxmemory", "1")
        assert not await there.revoke(token("a"))
        acknowledged = time.monotonic()
        await operator.config_set("maxmemory", "0")
        await here.stays_old()
        assert here.as_of < acknowledged
        ((number, waiting),) = there.unannounced.list_failed(9)
        assert await there.feed.announce(waiting)
        there.unannounced.end(number)
        await here.until_fresh()


async def test_a_redis_that_takes_nothing_is_fresh_for_nobody(redis_server: RedisServer) -> None:
    """Not even for who writes alone: commands write too, and nobody knows of them."""
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        await operator.config_set("maxmemory", "1")
        await here.stays_old()
        await here.until(lambda: not here.feed.healthy)
        await operator.config_set("maxmemory", "0")
        await here.until_fresh()
        await here.until(lambda: here.feed.healthy)


async def test_one_that_dies_stops_it_and_one_that_ends_does_not(redis_server: RedisServer) -> None:
    async with running(redis_server, HERE) as here:
        async with running(redis_server, THERE) as there:
            await here.until(lambda: len(here.writers) == 2)
            await here.until_fresh()
        await here.stays_old()
        (silent,) = here.writers.list_silent(time.monotonic() + 5)[:1]
        assert (silent.name, silent.where) == (THERE, "host/2")
        async with running(redis_server, THERE) as there:
            await here.until_fresh()
            await there.feed.end()
        await here.until_fresh()
        assert len(here.writers) == 1


async def test_who_misses_something_does_not_say_that_it_ended(redis_server: RedisServer) -> None:
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        number = here.unannounced.begin(entries(token("a")))
        await here.feed.end()
        assert await operator.hget(WRITERS, HERE) != "ended"
        here.unannounced.end(number)
        await here.feed.end()
        assert await operator.hget(WRITERS, HERE) == "ended"
        await here.feed._vouching.vouch()  # type: ignore[union-attr]
        assert await operator.hget(WRITERS, HERE) == "ended"  # one that was held up on its way


async def test_a_word_that_was_held_up_vouches_for_when_it_was_said(
    redis_server: RedisServer,
) -> None:
    """A Redis that was frozen does at last what it was sent long before."""
    async with running(redis_server, HERE) as here:
        async with running(redis_server, THERE) as there:
            await here.until(lambda: len(here.writers) == 2)
            await here.until_fresh()
            assert redis_server.program is not None
            redis_server.program.process.send_signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(LATE)  # words are on their way meanwhile
                assert not await there.revoke(token("a"))
                acknowledged = time.monotonic()
            finally:
                redis_server.program.process.send_signal(signal.SIGCONT)
            await here.stays_old()
            assert here.as_of < acknowledged
        assert here.as_of < acknowledged


async def test_an_emptied_redis_is_fresh_once_all_vouch_again(redis_server: RedisServer) -> None:
    async with (
        running(redis_server, HERE) as here,
        running(redis_server, THERE),
        raw_client(redis_server.url) as operator,
    ):
        await here.until(lambda: len(here.writers) == 2)
        await here.until_fresh()
        await operator.delete(WRITERS)
        await here.until_fresh()
        assert len(here.writers) == 2


@pytest.mark.parametrize("field", ["nobody", MARK, f"{THERE}0"])
async def test_what_else_lies_there_is_no_writer(redis_server: RedisServer, field: str) -> None:
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        await operator.hset(WRITERS, field, "- - 1 x")
        await here.until_fresh()
        assert len(here.writers) == 1


@pytest.mark.parametrize(
    "word", ["", "- -", "x" * 300, "- - 1 host/1", "- - 1 \t", f"{'a' * 16} -1 1 x"], ids=repr
)
async def test_a_writer_whose_word_says_nothing_vouches_for_nothing(
    redis_server: RedisServer, word: str
) -> None:
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        await operator.hset(WRITERS, THERE, word)
        await here.until(lambda: len(here.writers) == 2)
        await here.stays_old()


@pytest.mark.parametrize("tick", ["", "x", "-1", "٣", "9" * 40])
async def test_a_tick_that_is_no_number_is_counted_anew(
    redis_server: RedisServer, tick: str
) -> None:
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        await operator.hset(WRITERS, "tick", tick)
        await here.until_fresh()


async def test_more_words_than_are_read_make_it_old(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 5)
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await here.until_fresh()
        await operator.hset(WRITERS, mapping=dict.fromkeys("abcdef", "x"))
        await here.stays_old()


async def test_words_that_nobody_needs_are_dropped(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.core.writers.KEEP_WORD", 0.0)
    async with running(redis_server, HERE) as here, raw_client(redis_server.url) as operator:
        await operator.hset(WRITERS, THERE, "ended")
        async with asyncio.timeout(PATIENCE):
            while await operator.hexists(WRITERS, THERE):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.02)
        await here.until_fresh()


async def test_a_user_who_may_not_say_it_is_one_line_until_it_may(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As behind an upgrade, where an ACL names the keys one by one; the log itself goes on."""
    rights = ["+@all", "~{sidecar}:revocations", "~{sidecar}:revocations:[sm]*"]
    async with raw_client(redis_server.url) as client:
        operator: Any = client
        await operator.execute_command("ACL", "SETUSER", "narrow", "on", "nopass", *rights)
        async with running(redis_server, HERE, "narrow:any@") as here:
            await here.until(lambda: "lacks rights" in caplog.text)
            before = len(caplog.records)
            for _ in range(4):
                assert await here.revoke(token("j-1"))
                assert not here.feed.healthy
                await asyncio.sleep(module.PERIOD)
            assert len(caplog.records) == before
            await operator.execute_command("ACL", "SETUSER", "narrow", "~{sidecar}:*")
            await here.until(lambda: here.feed.healthy)
