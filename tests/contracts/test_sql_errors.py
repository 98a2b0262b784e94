"""A database that cannot be used is one line that names it, and never what was sent to it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from sidecar.core.audit import SERVICE, UNKNOWN_DEVICE, Action, AuditEvent
from sidecar.core.lastuse import Used
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, UserChange
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.engine import CONNECTIONS, Database
from tests.contracts.sql_stores import (
    BOUND,
    BY,
    HASH,
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    change_user,
    end_everyone,
    end_user,
    make_session,
    make_user,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)

pytestmark = pytest.mark.asyncio

OPERATIONS: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "find_account": lambda store: store.sessions.find_account("alice"),
    "add_session": lambda store: store.sessions.add_session(
        make_session(make_user()), (0, 0), BOUND
    ),
    "find_session": lambda store: store.sessions.find_session("s-1"),
    "rotate_session": lambda store: store.sessions.rotate_session(
        "s-1", 0, rotated_at=NOW, tokens_until=NOW, device=UNKNOWN_DEVICE
    ),
    "add_user": lambda store: store.users.add_user(make_user(), HASH, BY),
    "find_user": lambda store: store.users.find_user("id-of-alice"),
    "add_first_user": lambda store: store.users.add_first_user(make_user(), HASH, BY),
    "list_users": lambda store: store.users.list_users(),
    "read_users": lambda store: store.users.read_users("alice", 1),
    "change_user": lambda store: change_user(store, UserChange(password_hash=HASH)),
    "remove_user": remove_user,
    "change_own_password": lambda store: store.own_passwords.change_own_password(
        Account(make_user(), HASH, (0, 0)),
        HASH,
        BY,
        make_session(make_user()),
        make_session(make_user()),
        keep_after=KEEP,
    ),
    "revoke_token": lambda store: store.revocations.revoke_token("j-1", forget_at=NOW),
    "end_session": lambda store: store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
    "end_user_sessions": lambda store: end_user(store, personal_tokens=True),
    "end_idle_sessions": lambda store: store.revocations.end_idle_sessions(
        used_before=NOW, keep_after=KEEP
    ),
    "end_all_sessions": end_everyone,
    "read_entries": lambda store: store.revocations.read_entries(0),
    "read_outbox": lambda store: store.revocations.read_outbox(),
    "clear_outbox": lambda store: store.revocations.clear_outbox([]),
    "purge": lambda store: store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL),
    "find_marks": lambda store: store.marks.find_marks("alice", ["192.0.2.1"], NOW),
    "put_marks": lambda store: store.marks.put_marks("id-of-alice", (0, 0), ["192.0.2.1"], NOW),
    "note_uses": lambda store: store.sweep.note_uses(Used.SESSION, {"s-1": NOW}, NOW),
    "list_sessions": lambda store: store.sessions.list_sessions(
        "id-of-alice", now=NOW, refresh_ttl=REFRESH_TTL
    ),
    "note_replay": lambda store: store.sessions.note_replay(
        AuditEvent(NOW, Action.SESSION_REPLAYED, SERVICE, "s-1")
    ),
    "read_ring": lambda store: store.ring.read_ring(),
    "remember_ring": lambda store: store.ring.remember_ring([], "print", dated=frozenset()),
    "revoke_key": lambda store: store.ring.revoke_key(
        "k-1", keep_after=KEEP, event=AuditEvent(NOW, Action.KEY_REVOKED, SERVICE, "k-1")
    ),
    "note_rotation": lambda store: store.ring.note_rotation(
        AuditEvent(NOW, Action.KEY_ROTATED, SERVICE, "k-1")
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_what_the_database_cannot_do_is_one_line_without_what_was_asked(
    store: SqlStore, database_url: str, operation: Callable[[SqlStore], Awaitable[object]]
) -> None:
    tables = (await read_tables(database_url)).keys()
    await run_sql(database_url, *(f"ALTER TABLE {name} RENAME TO gone_{name}" for name in tables))
    with pytest.raises(StoreUnavailable) as raised:
        await operation(store)
    line = str(raised.value)
    assert line.startswith(database_url.removeprefix("sqlite:///"))
    assert "\n" not in line
    for sent in ("SELECT", "INSERT", "UPDATE", "DELETE", "alice", "s-1", "j-1", HASH, "print"):
        assert sent not in line
    assert raised.value.__suppress_context__


async def test_a_store_that_was_away_works_again(store: SqlStore, database_url: str) -> None:
    user = await add_user(store)
    await run_sql(database_url, "ALTER TABLE sessions RENAME TO away")
    for _ in range(CONNECTIONS + 1):
        with pytest.raises(StoreUnavailable):
            await store.sessions.add_session(make_session(user), (0, 0), BOUND)
    await run_sql(database_url, "ALTER TABLE away RENAME TO sessions")
    await open_session(store, user)


async def test_writers_that_are_cancelled_leave_nothing_behind(
    store: SqlStore, database_url: str
) -> None:
    """Neither rows nor a connection that nobody gives back."""
    before = await read_tables(database_url)
    database = Database(database_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        holder = await stack.enter_async_context(database.write(log=True))
        await holder.execute(sa.select(1))
        writers = [
            asyncio.create_task(store.revocations.revoke_token(f"j-{n}", forget_at=NOW))
            for n in range(2 * CONNECTIONS)
        ]
        await asyncio.wait(writers, timeout=0.2)
        for writer in writers:
            writer.cancel()
        results = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert await read_tables(database_url) == before
    await asyncio.gather(
        *(store.revocations.revoke_token(f"j-{n}", forget_at=NOW) for n in range(2 * CONNECTIONS))
    )


async def test_more_callers_than_connections_wait_and_then_are_told(
    store: SqlStore, database_url: str
) -> None:
    database = Database(database_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        for _ in range(CONNECTIONS):
            connection = await stack.enter_async_context(database.read())
            await connection.execute(sa.text("SELECT 1"))
        with pytest.raises(StoreUnavailable) as raised:
            async with database.read():
                pass
    assert "\n" not in str(raised.value)
    assert "busy" in str(raised.value)


async def run_cancelled(
    database_url: str, work: Callable[[Database, asyncio.Event], Awaitable[None]]
) -> None:
    """Do this, cancelled where it says that it waits; raise what it raises."""
    database, waiting = Database(database_url), asyncio.Event()
    task = asyncio.ensure_future(work(database, waiting))
    await waiting.wait()
    task.cancel()
    try:
        await task
    finally:
        await database.close()


@pytest.mark.parametrize("error", [TimeoutError, None])
async def test_a_cancellation_that_a_driver_has_lost_is_one(
    database_url: str, error: type[Exception] | None
) -> None:
    """Else who runs for ever takes it for a database that is away, or for nothing, and goes on."""

    async def work(database: Database, waiting: asyncio.Event) -> None:
        async with database.write():
            waiting.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if error is not None:
                    raise error from None

    with pytest.raises(asyncio.CancelledError):
        await run_cancelled(database_url, work)


async def test_a_failure_behind_a_cancellation_that_was_taken_back_is_one_too(
    database_url: str,
) -> None:
    """As by a timeout around it, which takes its own cancellation back."""

    async def work(database: Database, waiting: asyncio.Event) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        async with database.write():
            task.uncancel()
            raise TimeoutError

    with pytest.raises(StoreUnavailable):
        await run_cancelled(database_url, work)


async def test_a_failure_behind_a_cancellation_is_still_one(database_url: str) -> None:
    """Who writes something down at its end is told that it could not."""

    async def work(database: Database, waiting: asyncio.Event) -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            async with database.write():
                raise TimeoutError

    with pytest.raises(StoreUnavailable):
        await run_cancelled(database_url, work)
