"""Redis away, frozen or back again: nobody is let in who was revoked, and nobody is logged out."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import (
    ask,
    let_in_until,
    log_in_token,
    log_out,
    readiness,
    until_degraded,
)
from tests.faults.pairs import Pair, serving_pair
from tests.programs.process import free_port
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds; the promise while Redis is away


@pytest_asyncio.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """Name a Redis that does not run yet."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder, free_port())
    try:
        yield server
    finally:
        if server.program is not None and server.program.process.returncode is None:
            server.program.process.send_signal(signal.SIGCONT)
            await server.program.end()


async def both_degraded(client: ClientSession, pair: Pair, *names: str) -> None:
    for service in (pair.one, pair.other):
        await until_degraded(client, service, *names)


async def test_away_at_the_start_then_there(
    tmp_path: Path, client: ClientSession, redis: RedisServer
) -> None:
    async with serving_pair(tmp_path, {"redis": {"url": redis.url}}) as pair:
        await both_degraded(client, pair, "redis")
        before = [await log_in_token(client, pair.one) for _ in range(3)]
        for token in before:
            since = await log_out(client, pair.one, token)
            assert await let_in_until(client, pair.other, token, since) <= BY_SQL
        kept = await log_in_token(client, pair.one)
        await redis.start()
        await both_degraded(client, pair)
        assert await ask(client, pair.other, kept) == 200
        since = await log_out(client, pair.one, kept)
        assert await let_in_until(client, pair.other, kept, since) <= BY_SQL
        assert [await ask(client, pair.other, token) for token in before] == [401] * 3


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_lost_while_it_runs_and_back(
    tmp_path: Path, client: ClientSession, redis: RedisServer, fault: signal.Signals
) -> None:
    await redis.start()
    assert redis.program is not None
    async with serving_pair(tmp_path, {"redis": {"url": redis.url}}) as pair:
        await both_degraded(client, pair)
        kept = await log_in_token(client, pair.one)
        revoked = await log_in_token(client, pair.one)
        redis.program.process.send_signal(fault)
        if fault is signal.SIGKILL:
            await redis.program.process.wait()
        since = await log_out(client, pair.one, revoked)
        assert await let_in_until(client, pair.other, revoked, since) <= BY_SQL
        await both_degraded(client, pair, "redis")
        for service in (pair.one, pair.other):
            assert await ask(client, service, kept) == 200
            assert await ask(client, service, revoked) == 401
        if fault is signal.SIGKILL:
            await redis.start()
        else:
            redis.program.process.send_signal(signal.SIGCONT)
        await both_degraded(client, pair)
        for service in (pair.one, pair.other):
            assert await ask(client, service, kept) == 200
            assert await ask(client, service, revoked) == 401


async def test_a_logout_does_not_wait_for_a_redis_that_is_frozen(
    tmp_path: Path, client: ClientSession, redis: RedisServer
) -> None:
    """The process that logs out refuses at once, whatever Redis does; it also ends in time."""
    await redis.start()
    assert redis.program is not None
    async with serving_pair(tmp_path, {"redis": {"url": redis.url}}) as pair:
        token = await log_in_token(client, pair.one)
        redis.program.process.send_signal(signal.SIGSTOP)
        await log_out(client, pair.one, token)
        assert await ask(client, pair.one, token) == 401
        assert (await readiness(client, pair.one))[0] == 200
        assert await pair.one.end() == 0
