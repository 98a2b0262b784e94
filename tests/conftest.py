"""Fixtures that every room of the tests shares."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.redis import RedisServer, serving_redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL for the whole session of one test process."""
    with serving_postgres() as server:
        yield server


@pytest_asyncio.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """Run a Redis for one test."""
    folder = tmp_path / "redis"
    folder.mkdir()
    async with serving_redis(folder) as server:
        yield server
