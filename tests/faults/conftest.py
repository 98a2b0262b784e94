"""A client that keeps nothing but its connections, and two processes of one deployment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, DummyCookieJar

from tests.faults.pairs import Pair, serving_pair


@pytest_asyncio.fixture
async def client() -> AsyncIterator[ClientSession]:
    """Open a client."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Run two processes on one SQLite database, with a user alice."""
    async with serving_pair(tmp_path) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, dict[str, str]]:
    """Return the settings that name each database in turn."""
    if request.param == "sqlite":
        return {}
    return {"database": {"url": request.getfixturevalue("postgres").make_database()}}
