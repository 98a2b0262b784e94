"""What only PostgreSQL does: rows that are locked, poolers between, and settings of the server."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa

from sidecar.core.lastuse import Used
from sidecar.errors import NameTaken
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.engine import Database
from tests.contracts.sql_stores import (
    BOUND,
    NOW,
    REFRESH_TTL,
    add_user,
    change_user,
    end_user,
    make_session,
    open_session,
    outside,
    run_sql,
    until_blocked,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    async with open_store(url, outbox=True) as opened:
        yield opened


async def test_a_login_that_waits_for_a_change_holds_nothing_that_the_change_needs(
    store: SqlStore, url: str
) -> None:
    user = await add_user(store)
    async with outside(url) as change:
        await change.execute(sa.text("SELECT id FROM deployment FOR UPDATE"))
        login = asyncio.create_task(store.sessions.add_session(make_session(user), (0, 0), BOUND))
        await until_blocked(url)
        await change.execute(sa.text("SELECT id FROM users FOR UPDATE NOWAIT"))
        await change.rollback()
        assert await login == ()


async def test_where_a_user_is_known_is_kept_while_they_log_in_once_more(
    store: SqlStore, url: str
) -> None:
    """Locked in another order than a login does, the two would wait for each other."""
    user = await add_user(store)
    async with outside(url) as login:
        await login.execute(sa.text("SELECT id FROM deployment FOR SHARE"))
        await store.marks.put_marks(user.id, (0, 0), ["203.0.113.7"], NOW)
        await login.execute(sa.text("SELECT id FROM users FOR NO KEY UPDATE"))
        marking = asyncio.create_task(store.marks.put_marks(user.id, (0, 0), ["198.51.100.1"], NOW))
        await until_blocked(url)
        await login.commit()
        await marking


async def test_a_name_that_somebody_takes_at_the_same_moment_is_taken(
    store: SqlStore, url: str
) -> None:
    await add_user(store, "alice")
    await add_user(store, "carol")
    async with outside(url) as rival:
        await rival.execute(sa.text("UPDATE users SET username = 'bob' WHERE username = 'carol'"))
        change = asyncio.create_task(change_user(store, UserChange(username="bob")))
        await until_blocked(url)
        await rival.commit()
        with pytest.raises(NameTaken, match="'bob' is taken"):
            await change


async def test_a_purge_passes_over_what_somebody_holds(store: SqlStore, url: str) -> None:
    """Who revokes at that moment waits for nothing that the purge holds, nor the purge for them."""
    user = await add_user(store)
    for sid in ("s-1", "s-2"):
        await open_session(store, user, sid, expires_at=NOW, tokens_until=NOW)
    async with outside(url) as holder:
        await holder.execute(sa.text("SELECT sid FROM sessions WHERE sid = 's-1' FOR UPDATE"))
        await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
        found = [await store.sessions.find_session(sid) for sid in ("s-1", "s-2")]
        assert [each is not None for each in found] == [True, False]


async def test_the_flush_of_last_uses_passes_over_what_somebody_holds(
    store: SqlStore, url: str
) -> None:
    """Who ends all sessions of a user holds some of these rows and waits for others."""
    user = await add_user(store)
    for sid in ("s-1", "s-2"):
        await open_session(store, user, sid)
    async with outside(url) as holder:
        await holder.execute(sa.text("SELECT sid FROM sessions WHERE sid = 's-1' FOR UPDATE"))
        await store.sweep.note_uses(Used.SESSION, {"s-1": NOW + 1, "s-2": NOW + 1}, NOW + 1)
        found = [await store.sessions.find_session(sid) for sid in ("s-1", "s-2")]
        assert [each[0].used_at for each in found if each] == [NOW, NOW + 1]


async def test_no_statement_stays_in_a_connection_that_a_pooler_gives_to_others(
    store: SqlStore, url: str
) -> None:
    """PgBouncer in transaction mode: a statement prepared by one client runs into another's."""
    await add_user(store)
    database = Database(url)
    try:
        async with database.read() as connection:
            await connection.execute(sa.text("SELECT id FROM users WHERE id = :id"), {"id": "x"})
            statements = await connection.execute(
                sa.text("SELECT statement FROM pg_prepared_statements")
            )
            assert statements.all() == []
    finally:
        await database.close()


async def test_transactions_are_ours_whatever_the_default_of_the_database_is(
    store: SqlStore, url: str
) -> None:
    user = await add_user(store)
    name = url.rpartition("/")[2]
    await run_sql(url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    async with open_store(url, outbox=True) as strict:
        ends = [end_user(strict, user.id) for _ in range(20)]
        await asyncio.gather(*ends)
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert account.epoch == (0, NOW + 19)


async def test_without_its_driver_the_extra_is_named() -> None:
    program = (
        "import asyncio, sys\n"
        "sys.modules['asyncpg'] = None\n"
        "from sidecar.cli import main\n"
        "sys.argv = ['sidecar', 'db', 'upgrade']\n"
        "main()\n"
    )
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        env={**os.environ, "SIDECAR_DATABASE__URL": "postgresql://u:s3cret@127.0.0.1/sidecar"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert "sidecar-auth[postgres]" in ran.stderr
    assert "s3cret" not in ran.stderr
