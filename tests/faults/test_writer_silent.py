"""PostgreSQL away while a revocation is in SQL alone: nobody is let in by what Redis leaves out."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from redis.asyncio import Redis

from tests.faults.asking import PATIENCE, ask, log_in_token, log_out, until_degraded
from tests.faults.pairs import Pair, serving_pair
from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.redis import RedisServer, serving_redis
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

MAX_STALENESS = 3  # seconds
LONG = 3.0 * MAX_STALENESS  # well beyond it
HEARD = 2.0  # seconds until all have heard what was said in Redis last


@dataclass(frozen=True, slots=True)
class Shared:
    """Two replicas and what they share; a user is logged in to both by `token`."""

    pair: Pair
    postgres: Postgres
    redis: RedisServer
    token: str


@pytest_asyncio.fixture
async def shared(tmp_path: Path, client: ClientSession) -> AsyncIterator[Shared]:
    (tmp_path / "redis").mkdir()
    with serving_postgres() as postgres:
        async with serving_redis(tmp_path / "redis") as redis:
            settings = {
                "database": {"url": await asyncio.to_thread(postgres.make_database)},
                "redis": {"url": redis.url},
                "revocation": {"max_staleness": f"{MAX_STALENESS}s"},
            }
            async with serving_pair(tmp_path, settings, upgrade=True) as pair:
                token = await log_in_token(client, pair.one)
                for service in (pair.one, pair.other):
                    await until_degraded(client, service)
                    assert await ask(client, service, token) == 200
                await asyncio.sleep(HEARD)
                yield Shared(pair, postgres, redis, token)


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """Freeze the database for the length of the block."""
    postgres.send(signal.SIGSTOP)
    try:
        yield
    finally:
        postgres.send(signal.SIGCONT)


def send(service: Service, number: signal.Signals) -> None:
    assert service.program is not None
    service.program.process.send_signal(number)


async def statuses(client: ClientSession, service: Service, token: str, until: float) -> set[int]:
    """Ask until this monotonic second; return every status that came."""
    told = set()
    while time.monotonic() < until:
        told.add(await ask(client, service, token))
        await asyncio.sleep(0.05)
    return told


async def until_status(client: ClientSession, service: Service, token: str, wanted: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await ask(client, service, token) != wanted:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


@asynccontextmanager
async def full(redis: RedisServer) -> AsyncIterator[None]:
    """Have Redis take nothing for the length of the block."""
    async with Redis.from_url(redis.url) as operator:
        await operator.config_set("maxmemory", "1")
        try:
            yield
        finally:
            await operator.config_set("maxmemory", "0")


async def test_what_redis_refused_lets_nobody_in_for_longer_than_a_view_may_be_old(
    shared: Shared, client: ClientSession
) -> None:
    one, other, token = shared.pair.one, shared.pair.other, shared.token
    async with full(shared.redis):
        send(other, signal.SIGSTOP)
        try:
            since = await log_out(client, one, token)
            shared.postgres.send(signal.SIGSTOP)
        finally:
            send(other, signal.SIGCONT)
        try:
            await asyncio.sleep(since + MAX_STALENESS - time.monotonic())
            until = since + LONG
            assert await statuses(client, other, token, until) == {503}
            assert await ask(client, one, token) == 503  # nor does it decide about anybody else
        finally:
            shared.postgres.send(signal.SIGCONT)
        await until_status(client, other, token, 401)
    (line,) = [each for each in other.read_log() if "gets 503" in each["message"]]
    assert line["message"].endswith(
        "bring the database back, or Redis, of which another line says what is wrong"
    )
    assert any("Redis is full" in each["message"] for each in other.read_log())


async def test_once_redis_takes_it_again_it_is_announced_though_the_database_is_away(
    shared: Shared, client: ClientSession
) -> None:
    one, other, token = shared.pair.one, shared.pair.other, shared.token
    kept = await log_in_token(client, one)
    async with full(shared.redis):
        send(other, signal.SIGSTOP)
        try:
            since = await log_out(client, one, token)
            shared.postgres.send(signal.SIGSTOP)
        finally:
            send(other, signal.SIGCONT)
        await asyncio.sleep(since + MAX_STALENESS - time.monotonic())
        assert await ask(client, other, token) == 503
    try:
        await until_status(client, other, token, 401)
        await until_status(client, other, kept, 200)
        assert await statuses(client, other, kept, time.monotonic() + LONG) == {200}
    finally:
        shared.postgres.send(signal.SIGCONT)


async def test_while_all_writers_are_heard_redis_alone_keeps_the_view_fresh(
    shared: Shared, client: ClientSession
) -> None:
    pair, kept = shared.pair, shared.token
    with frozen(shared.postgres):
        until = time.monotonic() + LONG
        told = await asyncio.gather(
            *(statuses(client, service, kept, until) for service in (pair.one, pair.other))
        )
        assert told == [{200}, {200}]


async def test_a_writer_that_was_killed_is_missed_until_the_database_is_back(
    shared: Shared, client: ClientSession
) -> None:
    pair, kept = shared.pair, shared.token
    with frozen(shared.postgres):
        killed = time.monotonic()
        assert pair.one.program is not None
        where = f"{os.uname().nodename}/{pair.one.program.process.pid}"
        await pair.one.program.end(signal.SIGKILL)
        await asyncio.sleep(killed + MAX_STALENESS - time.monotonic())
        assert await statuses(client, pair.other, kept, killed + LONG) == {503}
    await until_status(client, pair.other, kept, 200)
    (line,) = [each for each in pair.other.read_log() if "gets 503" in each["message"]]
    assert where in line["message"]


async def test_a_writer_that_ended_in_good_order_is_missed_by_nobody(
    shared: Shared, client: ClientSession
) -> None:
    pair, kept = shared.pair, shared.token
    with frozen(shared.postgres):
        assert await pair.one.end() == 0
        until = time.monotonic() + LONG
        assert await statuses(client, pair.other, kept, until) == {200}
