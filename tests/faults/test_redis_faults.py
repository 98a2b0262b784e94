"""Redis fails in every way while two replicas on PostgreSQL serve: nobody notices but the log."""

import time
from collections.abc import AsyncIterator
from secrets import token_urlsafe
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession, DummyCookieJar

from tests.faults.asking import let_in_until, log_in_token, log_out
from tests.faults.holding import holding
from tests.faults.pairs import Pair, serving_pair
from tests.faults.redis_faults import FAULTS, LASTS, Broken, RedisFault
from tests.faults.wire import wiring
from tests.programs.postgres import Postgres
from tests.programs.redis import serving_redis
from tests.programs.service import Service

# One pair for all faults: each has to be over by itself before the next one comes.
pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_SQL: Final = 1.0  # seconds from the acknowledgement until the other replica refuses
ACKNOWLEDGED: Final = (
    1.5  # seconds: the longest wait for Redis is half of one, and a machine is busy
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broken]:
    """Run a Redis with a password, behind a wire."""
    directory = tmp_path_factory.mktemp("redis")
    async with (
        serving_redis(directory, password=token_urlsafe(16)) as server,
        wiring(server.port) as wire,
    ):
        yield Broken(server, wire)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, broken: Broken
) -> AsyncIterator[Pair]:
    """Run two replicas that reach Redis by the wire."""
    url = broken.server.url.replace(f":{broken.server.port}/", f":{broken.wire.port}/")
    settings = {"database": {"url": postgres.make_database()}, "redis": {"url": url}}
    directory = tmp_path_factory.mktemp("pair")
    async with serving_pair(directory, settings, upgrade=True) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


async def revoke_across(client: ClientSession, here: Service, there: Service) -> None:
    """Log in and out at one replica: acknowledged soon, and refused by the other in time."""
    token = await log_in_token(client, here)
    sent = time.monotonic()
    since = await log_out(client, here, token)
    assert since - sent <= ACKNOWLEDGED
    assert await let_in_until(client, there, token, since) <= BY_SQL


def lines_since(service: Service, count: int) -> list[str]:
    """Return what the log says of Redis behind so many lines, the good news left out."""
    lines = service.read_log()[count:]
    about = [line for line in lines if line["logger"] == "sidecar.redis"]
    return [line["message"] for line in about if line["level"] != "INFO"]


def assert_told(fault: RedisFault, told: list[str]) -> None:
    """Fail unless each line belongs to the fault, and the one that names it was said once."""
    assert all(line.startswith(fault.told) for line in told), told
    assert [line.startswith(fault.told[:1]) for line in told].count(True) == len(fault.told[:1])


@pytest.mark.parametrize("name", FAULTS)
async def test_nobody_is_let_in_or_logged_out(
    client: ClientSession, broken: Broken, pair: Pair, name: str
) -> None:
    fault = FAULTS[name]
    services = (pair.one, pair.other)
    written = [len(service.read_log()) for service in services]
    async with holding(client, *services) as held, fault.lasting(broken):
        began = time.monotonic()
        while time.monotonic() < began + LASTS:
            for here, there in pair.ways():
                await revoke_across(client, here, there)
        for service in services:
            assert await held.try_log_in(service) == 200
            assert await held.try_refresh(service) == 200
            assert await held.try_log_out(service) == 204
    for service, count in zip(services, written, strict=True):
        assert_told(fault, lines_since(service, count))
