"""PostgreSQL frozen for longer than every timeout: it takes what it is sent, and says nothing."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.stores.sql.engine import COMMAND_TIMEOUT, CONNECT_TIMEOUT
from tests.faults.asking import until_degraded
from tests.faults.holding import ANSWERED, assert_told_once, holding
from tests.faults.pairs import serving_pair
from tests.programs.postgres import Postgres, serving_postgres

pytestmark = pytest.mark.asyncio

FROZEN = COMMAND_TIMEOUT + CONNECT_TIMEOUT + 2.0  # seconds, of which a statement waits the first
NO_ANSWER = "does not answer in time"


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving_postgres() as running:
        yield running


async def test_nobody_waits_for_long_and_everything_is_as_it_was(
    tmp_path: Path, client: ClientSession, server: Postgres
) -> None:
    url = await asyncio.to_thread(server.make_database)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            server.send(signal.SIGSTOP)
            began = asyncio.get_running_loop().time()
            asked = [
                asyncio.create_task(work(service))
                for service in services
                for work in (held.try_log_in, held.try_log_out, held.try_refresh, held.try_log_in)
            ]
            assert set(await asyncio.gather(*asked)) == {503}
            for service in services:
                await until_degraded(client, service, "sql")
            await asyncio.sleep(began + FROZEN - asyncio.get_running_loop().time())
            server.send(signal.SIGCONT)
        assert held.slowest < ANSWERED
        for service in services:
            assert_told_once(service, "the revocations cannot be read", NO_ANSWER)
            assert_told_once(service, "writes to the database fail", NO_ANSWER)


async def test_a_frozen_one_does_not_keep_a_process_from_ending(
    tmp_path: Path, client: ClientSession, server: Postgres
) -> None:
    url = await asyncio.to_thread(server.make_database)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        server.send(signal.SIGSTOP)
        try:
            await until_degraded(client, pair.one, "sql")
            began = asyncio.get_running_loop().time()
            assert tuple(await asyncio.gather(pair.one.end(), pair.other.end())) == (0, 0)
            assert asyncio.get_running_loop().time() - began < 10
        finally:
            server.send(signal.SIGCONT)
