"""Announcements reach every replica; Redis away, refusing or full is said in one line."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.errors import DocumentInvalid
from sidecar.stores.redis.feed import ANNOUNCE_TIMEOUT, RedisFeed
from sidecar.stores.redis.log import LONGEST_STREAM, META, SNAPSHOT, STREAM
from tests.contracts.redis_readers import (
    LATE,
    PATIENCE,
    contents,
    entries,
    raw_client,
    reading,
    token,
)
from tests.programs.process import free_port
from tests.programs.redis import RedisServer, serving_redis

SLACK = 0.3  # seconds that a busy machine may add to a bound
ANY_REVOCATION = st.builds(
    Revocation,
    level=st.sampled_from([Level.TOKEN, Level.SESSION, Level.USER]),
    subject=st.sampled_from(["a", "b", "c d", "ü", "{x}"]),
    epoch=st.integers(0, 5),
    forget_at=st.integers(LATE, LATE + 5),
) | st.builds(
    Revocation,
    level=st.just(Level.EVERYONE),
    subject=st.just(""),
    epoch=st.integers(1, 5),
    forget_at=st.just(LATE),
)


@asynccontextmanager
async def announcing(url: str) -> AsyncIterator[RedisFeed]:
    """Open a feed that only announces, as a command does."""
    async with aclosing(RedisFeed(url, apply=lambda _: None, heard=lambda _: None)) as feed:
        yield feed


@asynccontextmanager
async def stopped_redis(folder: Path) -> AsyncIterator[RedisServer]:
    """Yield a server that has not been started, and end it where the test did."""
    server = RedisServer(folder, free_port())
    try:
        yield server
    finally:
        if server.program is not None:
            await server.program.end()


def error_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "sidecar.redis" and record.levelno >= logging.ERROR
    ]


@pytest.mark.asyncio
async def test_an_announcement_is_read_elsewhere_within_250_ms(redis_server: RedisServer) -> None:
    async with announcing(redis_server.url) as here, reading(redis_server.url) as there:
        await there.until_fresh()
        sent: dict[str, float] = {}
        for number in range(400):
            subject = f"j-{number}"
            assert await here.announce(entries(token(subject)))
            sent[subject] = time.monotonic()
            if number % 40 == 0:
                await there.until_fresh()  # also those that find the reader waiting
        await there.until_holds(*sent)
        delays = sorted(max(0.0, there.arrived[subject] - at) for subject, at in sent.items())
        assert delays[len(delays) * 99 // 100] < 0.25
        assert there.feed.resnapshots == 0
        assert here.announced == 400


@pytest.mark.asyncio
@pytest.mark.usefixtures("announced_in_time")
async def test_who_comes_later_reads_all_of_it(redis_server: RedisServer) -> None:
    subjects = [f"j-{number}" for number in range(2500)]
    async with announcing(redis_server.url) as here:
        assert await here.announce(entries(*map(token, subjects)))
    async with reading(redis_server.url) as there:
        await there.until_holds(*subjects)
        await there.until_fresh()


@pytest.mark.asyncio
async def test_what_is_over_is_dropped_and_the_stream_stays_short(
    redis_server: RedisServer,
) -> None:
    async with announcing(redis_server.url) as here, raw_client(redis_server.url) as client:
        for start in range(0, 12_000, 500):
            over = [token(f"j-{number}", forget_at=1) for number in range(start, start + 500)]
            assert await here.announce(entries(*over))
        for _ in range(60):
            assert await here.announce(entries(token("kept")))
        assert await client.zrange(SNAPSHOT, 0, -1) == ["token 0 kept"]
        assert await client.xlen(STREAM) < LONGEST_STREAM + 500


@pytest.mark.asyncio
async def test_the_later_end_of_one_revocation_counts(redis_server: RedisServer) -> None:
    async with announcing(redis_server.url) as here:
        await here.announce(entries(token("j", LATE + 5), token("j", LATE)))
    async with reading(redis_server.url) as there:
        await there.until_holds("j")
        assert there.view._tokens == {"j": LATE + 5}


def test_two_readers_end_with_the_view_of_the_announcer(tmp_path: Path) -> None:
    """In any order, any number of times, by two announcers at once, in batches of any size."""

    async def announce_all(url: str, batches: list[list[Revocation]]) -> None:
        own = RevocationView()
        async with raw_client(url) as client:
            await client.flushall()
        async with announcing(url) as one, announcing(url) as other, reading(url) as early:
            for number, batch in enumerate(batches):
                assert await (one, other)[number % 2].announce(entries(*batch))
                own.apply(batch)
            async with reading(url) as late:
                await early.until(lambda: contents(early.view) == contents(own))
                await late.until(lambda: contents(late.view) == contents(own))

    with asyncio.Runner() as runner:
        serving = serving_redis(tmp_path)
        server = runner.run(serving.__aenter__())
        try:

            @settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
            @given(st.lists(st.lists(ANY_REVOCATION, max_size=6), max_size=6))
            def check(batches: list[list[Revocation]]) -> None:
                runner.run(announce_all(server.url, batches))

            check()
        finally:
            runner.run(serving.__aexit__(None, None, None))


@pytest.mark.asyncio
async def test_redis_down_at_start_is_said_once_and_followed_once_it_is_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    async with (
        stopped_redis(tmp_path) as server,
        announcing(server.url) as here,
        reading(server.url) as there,
    ):
        began = time.monotonic()
        assert not await here.announce(entries(token("early")))
        assert time.monotonic() - began < ANNOUNCE_TIMEOUT + SLACK
        await there.until(lambda: not there.feed.healthy)
        assert (here.announced, here.failed) == (0, 1)
        assert not here.healthy
        assert there.heard == []
        await server.start()
        await there.until_fresh()
        assert await here.announce(entries(token("early"), token("late")))
        assert here.healthy
        await there.until_holds("early", "late")
        await there.until(lambda: there.feed.healthy)
    away = "Redis does not answer: start it, or correct redis.url"
    assert [line.startswith(away) for line in error_lines(caplog)] == [True, True]  # each feed one
    assert caplog.text.count("Redis carries revocations again") == 2


@pytest.mark.asyncio
async def test_a_wrong_password_is_one_clear_line_that_does_not_hold_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_redis(tmp_path, password="right-one") as server:
        url = server.url.replace("right-one", "wr0ng-one")
        async with reading(url) as there:
            await there.until(lambda: not there.feed.healthy)
            assert not await there.feed.announce(entries(token("j")))
            assert not await there.feed.announce(entries(token("j")))
        async with reading(server.url.replace(":right-one@", "")) as there:
            await there.until(lambda: not there.feed.healthy)
        async with reading(server.url) as there:
            await there.until_fresh()
    lines = error_lines(caplog)
    assert len(lines) == 2
    assert all("Redis refuses the password" in line for line in lines)
    everything = caplog.text + repr([vars(record) for record in caplog.records])
    assert "wr0ng-one" not in everything


@pytest.mark.asyncio
async def test_an_address_where_something_else_answers_is_named_without_what_it_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.read(4096):
                writer.write(b"HTTP/1.1 400 " + line)
                await writer.drain()
        writer.close()

    stranger = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with stranger:
        port = stranger.sockets[0].getsockname()[1]
        async with reading(f"redis://:s3cret@127.0.0.1:{port}/0") as there:
            await there.until(lambda: not there.feed.healthy)
            assert not await there.feed.announce(entries(token("j")))
    assert len(error_lines(caplog)) == 1
    assert "s3cret" not in caplog.text + repr([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    "url",
    [
        "http://:s3cret@localhost",
        "redis://:s3cret/x@localhost:port",
        "redis://localhost/0?socket_timeout=60&password=s3cret",
        "redis://:s3cret@localhost/0?max_connections=9999",
        "redis://:s3cret@localhost/0?no_such_option=1",
        "redis://:s3cret@localhost/?db=x",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        RedisFeed(url, apply=lambda _: None, heard=lambda _: None)
    assert "redis.url" in str(refused.value)
    assert "s3cret" not in repr(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.asyncio
async def test_a_full_redis_takes_no_announcement_and_is_healthy_once_there_is_room(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(redis_server.url) as client, reading(redis_server.url) as there:
        await there.until_fresh()
        await client.config_set("maxmemory", 1)
        assert not await there.feed.announce(entries(token("j")))
        assert not there.feed.healthy
        await there.until_fresh()  # reading goes on
        await client.config_set("maxmemory", 0)
        # Nobody announces any more, yet the feed finds out.
        await there.until(lambda: there.feed.healthy)
        assert await there.feed.announce(entries(token("j")))
        await there.until_holds("j")
    assert [line.startswith("Redis is full") for line in error_lines(caplog)] == [True]


@pytest.mark.asyncio
async def test_a_read_only_replica_is_read_and_named(
    redis_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "replica"
    folder.mkdir()
    async with (
        serving_redis(folder) as replica,
        raw_client(replica.url) as client,
        announcing(redis_server.url) as here,
        reading(replica.url) as there,
    ):
        await here.announce(entries(token("j-1")))
        await client.replicaof("127.0.0.1", str(redis_server.port))
        await there.until_holds("j-1")
        assert not await there.feed.announce(entries(token("j-2")))
        assert await here.announce(entries(token("j-3")))
        await there.until_holds("j-3")
    assert any("read-only replica" in line for line in error_lines(caplog))


@pytest.mark.asyncio
@pytest.mark.usefixtures("announced_in_time")
async def test_fifty_announcements_at_once_all_arrive(redis_server: RedisServer) -> None:
    async with announcing(redis_server.url) as here, reading(redis_server.url) as there:
        async with asyncio.timeout(PATIENCE):
            done = await asyncio.gather(
                *(here.announce(entries(token(f"j-{number}"))) for number in range(50))
            )
        assert all(done)
        await there.until_holds(*(f"j-{number}" for number in range(50)))
        async with raw_client(redis_server.url) as client:
            assert await client.hget(META, "sequence") == "50"
