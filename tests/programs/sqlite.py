"""A SQLite database that somebody else holds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path


@asynccontextmanager
async def held(path: Path) -> AsyncIterator[None]:
    """Hold it for the length of the block, as a backup that hangs does: nobody reads or writes."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as holder:
        # A service in this process ends what it began only while the loop runs: wait elsewhere.
        await asyncio.to_thread(holder.execute, "BEGIN EXCLUSIVE")
        yield
