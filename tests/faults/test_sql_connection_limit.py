"""PostgreSQL takes no more connections, since others hold them all."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from aiohttp import ClientSession

from tests.faults.asking import until_degraded, until_told
from tests.faults.holding import assert_told_once, holding
from tests.faults.pairs import serving_pair
from tests.programs.postgres import Postgres, serving_postgres

pytestmark = pytest.mark.asyncio

CONNECTIONS = 20
LIMIT = (f"max_connections={CONNECTIONS}", "superuser_reserved_connections=0")
PAUSE = 0.005  # seconds until a place is asked for again: nobody else asks as often
END_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name <> 'holder'"
)


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving_postgres(*LIMIT) as running:
        yield running


@asynccontextmanager
async def every_place_taken(url: str) -> AsyncIterator[None]:
    """Take every connection that becomes free, for the length of the block, and end all others."""
    held: list[asyncpg.Connection] = []

    async def take_on() -> None:
        while True:
            with suppress(asyncpg.TooManyConnectionsError):
                held.append(await asyncpg.connect(f"{url}?application_name=holder"))
                continue
            await asyncio.sleep(PAUSE)

    taking = [asyncio.create_task(take_on()) for _ in range(2)]
    try:
        async with asyncio.timeout(10):
            while len(held) < CONNECTIONS:
                await asyncio.sleep(PAUSE)
                if held:
                    await held[0].fetchval(END_OTHERS)
        yield
    finally:
        for task in taking:
            task.cancel()
        await asyncio.gather(*taking, return_exceptions=True)
        for connection in held:
            await connection.close()


async def test_the_gate_goes_on_and_the_log_says_what_to_raise(
    tmp_path: Path, client: ClientSession, server: Postgres
) -> None:
    url = await asyncio.to_thread(server.make_database)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held, every_place_taken(url):
            for service in services:
                await until_degraded(client, service, "sql")
            for work in (held.try_log_in, held.try_log_out, held.try_refresh):
                assert [await work(service) for service in services] == [503, 503]
            for service in services:
                await until_told(service, "writes to the database fail")
        for service in services:
            assert_told_once(service, "writes to the database fail", "raise max_connections")
