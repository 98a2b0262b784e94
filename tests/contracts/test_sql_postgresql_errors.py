"""A PostgreSQL that refuses, is not there, or goes away in the middle."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import asyncpg
import pytest
import sqlalchemy as sa

from sidecar.errors import StoreUnavailable, StoreUnusable
from sidecar.stores.sql import SqlStore, engine, open_store
from sidecar.stores.sql.engine import (
    COMMAND_TIMEOUT,
    CONNECT_TIMEOUT,
    CONNECTIONS,
    LOG_LOCK,
    Database,
)
from sidecar.stores.sql.problems import describe_problem
from sidecar.stores.sql.tables import deployment, sessions
from tests.contracts.sql_stores import (
    NOW,
    add_user,
    end_everyone,
    open_session,
    outside,
    read_tables,
    run_sql,
    until_blocked,
)
from tests.programs.postgres import serving_postgres
from tests.programs.process import free_port

pytestmark = pytest.mark.asyncio

PASSWORD = token_hex(8)
WRONG = token_hex(8)
PATIENCE = 30.0  # seconds, ten times as long as a lock is kept
SLACK = 2.0  # seconds that a busy machine may add to a bound
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


async def fail(url: str) -> str:
    """Return the one line of why this database cannot be used; it names it without a secret."""
    with pytest.raises((StoreUnavailable, StoreUnusable)) as raised:
        async with open_store(url, outbox=False) as store:
            await store.prepare_schema()
    line = str(raised.value)
    assert line.startswith("postgresql://")
    assert "\n" not in line
    assert PASSWORD not in line
    assert WRONG not in line
    assert raised.value.__suppress_context__
    return line


async def ask_for_password(url: str) -> str:
    """Make a user of this database alone who needs a password; return the URL with it."""
    name = url.rpartition("/")[2]
    role = f"role_{name}"
    await run_sql(
        url,
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
    )
    async with outside(url) as connection:
        file = Path((await connection.execute(sa.text("SHOW hba_file"))).scalar_one())
        rules = await asyncio.to_thread(file.read_text)
        rule = f"host {name} {role} 127.0.0.1/32 scram-sha-256\n"
        await asyncio.to_thread(file.write_text, rule + rules)
        await connection.execute(sa.text("SELECT pg_reload_conf()"))
        rules_in_force = sa.text("SELECT count(*) FROM pg_hba_file_rules")
        assert (await connection.execute(rules_in_force)).scalar_one()
    return url.replace("postgres@", f"{role}:{PASSWORD}@")


async def test_a_wrong_password_is_said_without_it(url: str) -> None:
    good = await ask_for_password(url)
    async with open_store(good, outbox=False) as store:
        await store.prepare_schema()
    bare = good.replace(f":{PASSWORD}@", "@")
    for wrong in (good.replace(PASSWORD, WRONG), f"{bare}?password={WRONG}"):
        assert (await fail(wrong)).endswith(": refuses the password")


async def test_a_port_where_nobody_listens_is_named(url: str) -> None:
    port, name = free_port(), url.rpartition("/")[2]
    line = await fail(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/{name}")
    assert line == (
        f"postgresql://postgres:***@127.0.0.1:{port}/{name}:"
        " cannot be reached (ConnectionRefusedError)"
    )


async def test_something_that_says_nothing_holds_nobody_up() -> None:
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        gone.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(CONNECT_TIMEOUT + SLACK):
            line = await fail(f"postgresql://postgres@127.0.0.1:{port}/sidecar")
            await gone.wait()
    assert line.endswith("does not answer in time")


@pytest.mark.parametrize(
    ("part", "instead", "text"),
    [
        ("/test_", "/other_", "there is no such database"),
        ("postgres@", "nobody@", "refuses the user"),
    ],
)
async def test_a_name_that_is_not_there_is_said(
    url: str, part: str, instead: str, text: str
) -> None:
    assert (await fail(url.replace(part, instead))).endswith(text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("sslmode=require", "cannot be reached (ConnectionError)"),
        ("sslmode=sometimes", "the URL cannot be used"),
        ("sslmode=verify-full&sslrootcert=/none", "a file that the URL names cannot be read"),
        ("no_such_setting=1", "PostgreSQL says 42704: see its log"),
    ],
)
async def test_a_query_that_cannot_be_used_is_said(url: str, query: str, text: str) -> None:
    assert (await fail(f"{url}?password={WRONG}&{query}")).endswith(text)


@pytest.mark.parametrize("query", ["?sslmode=prefer", "?sslmode=disable&application_name=sidecar"])
async def test_a_url_may_say_what_postgresql_takes(url: str, query: str) -> None:
    async with open_store(url + query, outbox=False) as store:
        await store.prepare_schema()


async def test_connections_that_the_server_closed_are_replaced(url: str) -> None:
    async with open_store(url, outbox=False) as store:
        for turn in range(2):
            await asyncio.gather(
                *(
                    store.revocations.revoke_token(f"j-{turn}-{number}", forget_at=NOW)
                    for number in range(CONNECTIONS)
                )
            )
            await run_sql(url, END_OTHERS)
        assert len(await store.revocations.read_entries(0)) == 2 * CONNECTIONS


async def test_a_connection_that_breaks_within_a_transaction_leaves_nothing(url: str) -> None:
    async with open_store(url, outbox=False) as store:
        before = await read_tables(url)
        async with outside(url) as holder:
            await holder.execute(sa.select(sa.func.pg_advisory_xact_lock(LOG_LOCK)))
            ended = asyncio.create_task(end_everyone(store))
            await until_blocked(url)
            await holder.execute(sa.text(END_OTHERS))
            with pytest.raises(StoreUnavailable) as raised:
                await ended
        assert str(raised.value) == f"{url}: the connection ended"
        assert await read_tables(url) == before
        await end_everyone(store)


async def test_a_writer_that_is_held_up_gives_up_and_can_try_again(url: str) -> None:
    async with open_store(url, outbox=False) as store:
        async with outside(url) as holder:
            await holder.execute(sa.select(sa.func.pg_advisory_xact_lock(LOG_LOCK)))
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                await end_everyone(store)
            assert time.monotonic() - began < COMMAND_TIMEOUT + SLACK
        await end_everyone(store)


LOGIN = sa.select(deployment.c.id).with_for_update(read=True)
REFRESH = sa.update(sessions).values(generation=1)


async def stand_still(store: SqlStore, database: Database, kind: str) -> None:
    """Have locks while others want them, as a process whose machine is gone has them for hours."""
    refreshes = kind == "refresh"
    held = database.ending_if_silent(REFRESH) if refreshes else LOGIN
    async with database.write(log=kind == "revocation", single=refreshes) as connection:
        await connection.execute(held)
        try:
            await end_everyone(store)
        except StoreUnavailable as error:
            pytest.fail(str(error))
        await connection.execute(held)


@pytest.mark.parametrize("kind", ["revocation", "login", "refresh"])
async def test_a_process_that_stands_still_loses_its_locks(
    url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "COMMAND_TIMEOUT", PATIENCE)  # however slow the machine
    async with open_store(url, outbox=False) as store:
        await open_session(store, await add_user(store))
        still = Database(url)
        with pytest.raises(StoreUnavailable):
            await stand_still(store, still, kind)
        await still.close()


async def test_a_server_that_stops_is_said_at_every_call(tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(serving_postgres()).make_database()
        async with open_store(url, outbox=False) as store:
            await store.upgrade_schema()
            stack.close()
            for _ in range(CONNECTIONS + 1):
                with pytest.raises(StoreUnavailable, match="cannot be reached") as raised:
                    await end_everyone(store)
                assert str(raised.value).startswith(url)


@pytest.mark.parametrize(
    "cause",
    [Exception(WRONG), ValueError(WRONG), OSError(WRONG), TimeoutError(WRONG)],
    ids=lambda cause: type(cause).__name__,
)
async def test_what_a_driver_says_of_an_error_stays_here(cause: Exception) -> None:
    error = sa.exc.DBAPIError(f"SELECT '{WRONG}'", {"password": WRONG}, cause)
    assert WRONG not in describe_problem(error)
    assert WRONG not in describe_problem(cause)


async def test_a_connection_that_ends_in_the_middle_of_the_drivers_own_work_is_an_outage(
    url: str,
) -> None:
    """What asyncpg raises then no other driver knows, so SQLAlchemy hands it on as it is."""

    def end(_connection: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 11")

    database = Database(url)
    try:
        database.on_connect(end)
        for open_one in (database.read, database.write):
            with pytest.raises(StoreUnavailable, match=r"InternalClientError"):
                async with open_one():
                    pass
    finally:
        await database.close()
