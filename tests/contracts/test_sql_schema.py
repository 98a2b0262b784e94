"""The schema: made once, of a known version, and the same as the tables that the code means."""

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sidecar.errors import StoreUnavailable, StoreUnusable
from sidecar.stores import sql
from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.engine import COMMAND_TIMEOUT, SCHEMA_LOCK
from sidecar.stores.sql.schema import HEAD, migrate
from sidecar.stores.sql.search import SEARCH_INDEX
from sidecar.stores.sql.tables import metadata
from tests.contracts.sql_stores import add_user, outside, read_tables, run_sql, until_blocked
from tests.programs.postgres import Postgres
from tests.programs.service import make_service

PROCESSES = 4
# It is made where the database lets it be, which the tables cannot say.
OPTIONS = {"include_name": lambda name, _kind, _parents: name != SEARCH_INDEX}


def describe(connection: sa.Connection) -> dict[str, Any]:
    """Return what a database says of its tables, column by column."""
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (
                    repr(column["type"]),
                    column["nullable"],
                    column["default"],
                )
                for column in inspector.get_columns(table)
            },
            "primary key": (
                inspector.get_pk_constraint(table)["constrained_columns"],
                inspector.get_pk_constraint(table)["name"],
            ),
            "indexes": sorted(
                (index["name"], index["column_names"], bool(index["unique"]))
                for index in inspector.get_indexes(table)
            ),
            "unique": [each["column_names"] for each in inspector.get_unique_constraints(table)],
            "foreign keys": [
                (each["constrained_columns"], each["referred_table"], each["options"])
                for each in inspector.get_foreign_keys(table)
            ],
        }
        for table in inspector.get_table_names()
    }


async def describe_tables(url: str) -> dict[str, Any]:
    async with outside(url) as connection:
        return await connection.run_sync(describe)


def test_the_version_that_is_asked_for_is_the_one_of_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "sidecar.stores.sql:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_migration_needs_nothing_that_a_later_version_may_rename() -> None:
    files = (Path(sql.__file__).parent / "migrations").rglob("*.py")
    modules = [
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert "alembic" in modules
    assert [each for each in modules if each is None or each.startswith("sidecar")] == []


@pytest.mark.asyncio
async def test_the_migrations_make_what_a_new_database_has(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if database_url.startswith("sqlite"):
        migrated = f"sqlite:///{tmp_path / 'migrated.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        migrated = server.make_database()
    async with outside(migrated) as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    assert await describe_tables(migrated) == await describe_tables(database_url)
    assert await read_tables(migrated) == await read_tables(database_url)
    async with open_store(migrated, outbox=False) as store:
        await store.prepare_schema()  # the version is known as the one that is needed
    async with outside(migrated) as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts=OPTIONS), metadata)
        )
    assert found == []


@pytest.mark.asyncio
async def test_what_is_current_is_left_as_it_is(store: SqlStore, database_url: str) -> None:
    await add_user(store)
    before = await read_tables(database_url)
    await store.upgrade_schema()
    await store.prepare_schema()
    assert await read_tables(database_url) == before


@pytest.mark.asyncio
async def test_of_several_upgrades_at_once_all_end_well(empty_url: str) -> None:
    async def upgrade() -> None:
        async with open_store(empty_url, outbox=False) as store:
            await store.upgrade_schema()
            await store.prepare_schema()

    await asyncio.gather(*(upgrade() for _ in range(PROCESSES)))
    assert (await read_tables(empty_url))["deployment"] == [(1, 0, None)]


@pytest.mark.asyncio
async def test_of_several_processes_that_upgrade_at_once_all_end_well(
    empty_url: str, tmp_path: Path
) -> None:
    service = make_service(tmp_path, {"database": {"url": empty_url}})
    ran = await asyncio.gather(*(service.run("db", "upgrade") for _ in range(PROCESSES)))
    assert {(each.status, each.out, each.err) for each in ran} == {
        (0, "the database is up to date\n", "")
    }
    assert (await read_tables(empty_url))["deployment"] == [(1, 0, None)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "version",
    [
        *("0004", "9999", "0000", "another-program"),
        *(
            "0004_from_0004",
            "9999_from_0004",
            "0003_from_0003",
            "0004_from_003",
            "0004_from_0003 ",
        ),
    ],
    ids=repr,
)
async def test_a_version_that_is_not_known_is_refused_and_nothing_is_changed(
    store: SqlStore, database_url: str, version: str
) -> None:
    await add_user(store)
    await run_sql(
        database_url,
        "DROP TABLE alembic_version",
        f"CREATE TABLE alembic_version AS SELECT '{version}' AS version_num",
    )
    before = (await describe_tables(database_url), await read_tables(database_url))
    for work in (store.prepare_schema(), store.upgrade_schema()):
        with pytest.raises(StoreUnusable, match=f"version {version}.* newer") as raised:
            await work
        assert str(raised.value).startswith(database_url.removeprefix("sqlite:///"))
        assert "\n" not in str(raised.value)
    assert (await describe_tables(database_url), await read_tables(database_url)) == before


@pytest.mark.asyncio
@pytest.mark.parametrize("version", ["0004_from_0003", "9999_from_0001"])
async def test_a_later_version_that_lets_this_one_use_it_is_used_and_left_as_it_is(
    store: SqlStore, database_url: str, version: str
) -> None:
    """Replicas of this version may be started, or come back, where a newer one was before."""
    move = sa.text("UPDATE alembic_version SET version_num = :version")
    async with outside(database_url) as connection:
        await connection.execute(move, {"version": version})
        await connection.commit()
    await store.prepare_schema()
    await store.upgrade_schema()
    await add_user(store)
    async with outside(database_url) as connection:
        found = await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        assert found.scalar_one() == version


@pytest.mark.asyncio
async def test_whoever_waits_for_another_upgrade_has_the_patience_for_it(
    postgres: Postgres,
) -> None:
    url = await asyncio.to_thread(postgres.make_database)
    async with open_store(url, outbox=False) as store, outside(url) as holder:
        await holder.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
        upgrading = asyncio.create_task(store.upgrade_schema())
        await until_blocked(url)
        await asyncio.sleep(COMMAND_TIMEOUT + 0.5)  # what any other statement is given
        await holder.rollback()
        await upgrading
        await store.prepare_schema()


@pytest.mark.asyncio
async def test_an_upgrade_that_fails_in_the_middle_leaves_nothing(empty_url: str) -> None:
    """The last table is in the way: those before it are not kept either."""
    async with open_store(empty_url, outbox=False) as store:
        if empty_url.startswith("sqlite"):
            Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
        await run_sql(empty_url, "CREATE TABLE ring_keys (kid INTEGER)")
        before = await describe_tables(empty_url)
        with pytest.raises(StoreUnavailable):
            await store.upgrade_schema()
        assert await describe_tables(empty_url) == before
        await run_sql(empty_url, "DROP TABLE ring_keys")
        await store.upgrade_schema()


@pytest.mark.asyncio
async def test_sqlite_is_upgraded_by_whoever_comes_first(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'sidecar.db'}", outbox=False) as store:
        await store.prepare_schema()
        assert list(await store.users.list_users()) == []


@pytest.mark.asyncio
async def test_postgresql_is_upgraded_by_the_command_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.make_database()
    service = make_service(tmp_path, {"database": {"url": url}})
    refused = await service.run("user", "list")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == (
        f"{url}: the schema is at version none, this sidecar needs {HEAD}:"
        " run `sidecar db upgrade`\n"
    )
    assert await describe_tables(url) == {}
    upgraded = await service.run("db", "upgrade")
    assert (upgraded.status, upgraded.out) == (0, "the database is up to date\n")
    assert (await service.run("user", "list")).status == 0


@pytest.mark.asyncio
async def test_a_command_on_a_database_of_a_newer_version_is_one_line(
    store: SqlStore, database_url: str, tmp_path: Path
) -> None:
    await run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
    service = make_service(tmp_path, {"database": {"url": database_url}})
    for command in (("db", "upgrade"), ("user", "list")):
        ran = await service.run(*command)
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "9999" in ran.err
        assert "newer" in ran.err
