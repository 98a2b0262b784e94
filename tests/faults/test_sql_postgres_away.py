"""PostgreSQL stopped or killed, for longer than anybody waits for it, and started again."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import let_in_until, log_in_token, log_out, until_degraded
from tests.faults.holding import assert_told_once, holding
from tests.faults.pairs import serving_pair
from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

BY_REDIS = 0.25  # seconds
OUTAGE = 4.0  # seconds, longer than anybody waits for a connection
AWAY = ("cannot be reached", "the connection ended", "is starting or stopping")


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving_postgres() as running:
        yield running


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_the_gate_goes_on_and_everything_is_as_it_was(
    tmp_path: Path, client: ClientSession, server: Postgres, how: str
) -> None:
    url = await asyncio.to_thread(server.make_database)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            await asyncio.to_thread(server.kill if how == "killed" else server.stop)
            for service in services:
                await until_degraded(client, service, "sql")
            for work in (held.try_log_in, held.try_log_out, held.try_refresh):
                assert [await work(service) for service in services] == [503, 503]
            await asyncio.sleep(OUTAGE)
            assert [await held.try_log_in(service) for service in services] == [503, 503]
            await asyncio.to_thread(server.start)
        for service in services:
            assert_told_once(service, "the revocations cannot be read", *AWAY)
            assert_told_once(service, "the revocations are read again", "")
            assert_told_once(service, "writes to the database fail", *AWAY)
            assert_told_once(service, "writes to the database work again", "")


async def test_with_redis_what_was_acknowledged_at_the_last_moment_is_refused_everywhere(
    tmp_path: Path, client: ClientSession, server: Postgres, redis_server: RedisServer
) -> None:
    """Without it the other process had to read it from a database that is away."""
    url = await asyncio.to_thread(server.make_database)
    settings = {"database": {"url": url}, "redis": {"url": redis_server.url}}
    async with serving_pair(tmp_path, settings, upgrade=True) as pair:
        token = await log_in_token(client, pair.one)
        since = await log_out(client, pair.one, token)
        server.send(signal.SIGSTOP)
        try:
            assert await let_in_until(client, pair.other, token, since) <= BY_REDIS
        finally:
            server.send(signal.SIGCONT)
