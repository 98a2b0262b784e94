"""Fixtures that every room of the tests shares."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.programs.commands import ending_servers
from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.redis import RedisServer, serving_redis

# Whose programs are measured too, as coverage.py asks them to by its variable. Elsewhere they run
# the same again, and every program of ours that a test starts would take half as long again.
MEASURED = (
    "tests/cli/",
    "tests/faults/test_first_start.py",
    "tests/faults/test_gate_listener.py",
    "tests/faults/test_listeners.py",
    "tests/faults/test_redis_away.py",
    "tests/faults/test_reload.py",
    "tests/faults/test_sigterm.py",
    "tests/faults/test_workers.py",
)
# An example that takes long says nothing: on a busy machine any of them may.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")

COVERAGE_ASKED = os.environ.get("COVERAGE_PROCESS_CONFIG")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say, before a fixture starts a program, whether it is measured."""
    if COVERAGE_ASKED is not None and item.nodeid.startswith(MEASURED):
        os.environ["COVERAGE_PROCESS_CONFIG"] = COVERAGE_ASKED
    else:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session", autouse=True)
def _forking() -> Iterator[None]:
    """End with the session the processes that commands are forks of."""
    with ending_servers():
        yield


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
