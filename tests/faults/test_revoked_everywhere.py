"""Revoked on one process means refused by the other, within the promise of what carries it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import ask, let_in_until, log_in_token, log_out
from tests.faults.pairs import Pair, serving_pair
from tests.programs.redis import serving_redis

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds
BY_REDIS = 0.25  # seconds, of 99 in a hundred; a pause of the whole machine may take the rest
ROUNDS = 6
CARRIERS = {
    "sqlite": (BY_SQL, False),
    "sqlite and redis": (BY_REDIS, True),
    "postgresql": (BY_SQL, False),
    "postgresql and redis": (BY_REDIS, True),
}


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest_asyncio.fixture
async def carried(
    carrier: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """Run a pair on what carries its revocations."""
    settings: dict[str, dict[str, Any]] = {}
    on_postgresql = carrier.startswith("postgresql")
    if on_postgresql:
        settings["database"] = {"url": request.getfixturevalue("postgres").make_database()}
    if not CARRIERS[carrier][1]:
        async with serving_pair(tmp_path, settings, upgrade=on_postgresql) as running:
            yield running
        return
    folder = tmp_path / "redis"
    folder.mkdir()
    async with serving_redis(folder) as redis:
        settings["redis"] = {"url": redis.url}
        async with serving_pair(tmp_path, settings, upgrade=on_postgresql) as running:
            yield running


async def test_a_logout_holds_on_the_other_process(
    carrier: str, carried: Pair, client: ClientSession
) -> None:
    late = []
    for _ in range(ROUNDS // 2):
        for here, there in carried.ways():
            token = await log_in_token(client, here)
            assert await ask(client, there, token) == 200
            since = await log_out(client, here, token)
            assert await ask(client, here, token) == 401
            late.append(await let_in_until(client, there, token, since))
    assert max(late) <= BY_SQL
    assert sorted(late)[-2] <= CARRIERS[carrier][0], late
