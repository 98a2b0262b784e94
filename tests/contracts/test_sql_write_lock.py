"""The write lock is never held for long, and others have their turn."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from sidecar.core.lastuse import Used
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql import sweep as sweep_module
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.sweep import BATCH, PAUSE
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_sessions,
    add_user,
    read_tables,
)

pytestmark = pytest.mark.asyncio

LONGEST_LOCK = 0.05  # seconds for which a batch may hold the write lock
SLOW_MACHINE = 3  # times as long, where others use it at the same time


@contextmanager
def watching(database: Database, held: list[float]) -> Iterator[None]:
    """Note how long each transaction of a database that writes lasts, from its first statement."""
    engine = database._engine.sync_engine
    began: dict[int, float] = {}

    def begin(connection: sa.Connection, *_: object) -> None:
        if connection.get_execution_options().get("immediate"):
            began.setdefault(id(connection), time.monotonic())

    def commit(connection: sa.Connection) -> None:
        if id(connection) in began:
            held.append(time.monotonic() - began.pop(id(connection)))

    sa.event.listen(engine, "after_cursor_execute", begin)
    sa.event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        sa.event.remove(engine, "after_cursor_execute", begin)
        sa.event.remove(engine, "commit", commit)


@pytest.mark.parametrize("work", ["purge", "idle", "note"])
async def test_no_batch_holds_the_write_lock_for_long(
    store: SqlStore, database_url: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "PAUSE", 0.0)
    user = await add_user(store)
    number = 12 * BATCH
    living = {"expires_at": NOW + 1, "tokens_until": NOW + 1, "used_at": 1}
    await add_sessions(database_url, user, number, **({} if work == "purge" else living))
    held: list[float] = []
    with watching(store._database, held):
        match work:
            case "purge":
                await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
            case "idle":
                while await store.revocations.end_idle_sessions(used_before=NOW, keep_after=KEEP):
                    pass
            case _:
                uses = {f"s-{n}": NOW for n in range(number)}
                await store.sweep.note_uses(Used.SESSION, uses, NOW)
    assert len(held) >= number // BATCH
    assert sorted(held)[len(held) // 2] < LONGEST_LOCK * SLOW_MACHINE, held


async def test_others_write_between_two_batches(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    """SQLite gives its lock to whoever looks at the right moment: there has to be one."""
    user = await add_user(store)
    await add_sessions(database_url, user, 12 * BATCH)
    purge = asyncio.create_task(store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL))
    written = 0
    while not purge.done():
        await other.revocations.revoke_token(f"j-{written}", forget_at=NOW + 1)
        written += 1
        await asyncio.sleep(PAUSE)  # a writer without a pause would itself keep the purge out
    await purge
    assert written >= 3
    assert (await read_tables(database_url))["sessions"] == []
