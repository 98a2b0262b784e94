"""What every test of the sources shares."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sidecar.stores.sql import SqlStore, open_store


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """Give back to the garbage collector what a new policy keeps from it: it finds what leaks."""
    yield
    gc.unfreeze()


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Open the database that remembers a ring."""
    async with open_store(f"sqlite:///{tmp_path / 'sidecar.db'}", outbox=False) as opened:
        await opened.prepare_schema()
        yield opened


@pytest_asyncio.fixture
async def other_store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Open another one."""
    async with open_store(f"sqlite:///{tmp_path / 'other.db'}", outbox=False) as opened:
        await opened.prepare_schema()
        yield opened
