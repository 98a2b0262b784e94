"""Two versions of the service beside each other: the newer one has changed the schema already."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession

from sidecar.stores.sql.schema import HEAD, NUMBER
from tests.faults.holding import holding
from tests.faults.older import BEFORE, find_version, migrate_to, reflect, within
from tests.faults.pairs import serving_pair
from tests.programs.service import make_service

pytestmark = pytest.mark.asyncio

# What a later release may do: add tables, and columns that are nullable or have a default.
ADDITIONS = (
    "ALTER TABLE users ADD COLUMN later VARCHAR(64)",
    "ALTER TABLE sessions ADD COLUMN later BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE revocations ADD COLUMN later BIGINT",
    "ALTER TABLE audit ADD COLUMN later TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE later (id INTEGER PRIMARY KEY)",
    "CREATE INDEX ix_later ON sessions (later)",
)
NEXT = f"{int(HEAD[:NUMBER]) + 1:04}"
COMPATIBLE = f"{NEXT}_from_{HEAD[:NUMBER]}"
SAMPLES: dict[type, Any] = {str: "x", int: 7, bool: False}


async def add_later_version(url: str, version: str) -> None:
    """Do what the migration of a later release does."""
    move = sa.text("UPDATE alembic_version SET version_num = :version")

    def migrate(connection: sa.Connection) -> None:
        for statement in ADDITIONS:
            connection.execute(sa.text(statement))
        connection.execute(move, {"version": version})

    await within(url, migrate)


def url_of(settings: dict[str, dict[str, str]], directory: Path) -> str:
    default = f"sqlite:///{directory / 'data' / 'sidecar.db'}"
    return settings.get("database", {}).get("url", default)


async def test_those_that_run_go_on_and_more_of_them_may_be_started(
    tmp_path: Path, client: ClientSession, database: dict[str, dict[str, str]]
) -> None:
    url = url_of(database, tmp_path)
    async with serving_pair(tmp_path, database, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            await add_later_version(url, COMPATIBLE)
            for service in services:
                assert await held.try_log_in(service) == 200
                assert await held.try_refresh(service) == 200
                assert await held.try_log_out(service) == 204
        assert await pair.one.end() == 0
        upgraded = await pair.one.run("db", "upgrade")
        assert (upgraded.status, upgraded.err) == (0, "")
        assert await find_version(url) == COMPATIBLE
        await pair.one.start()
        async with holding(client, *services):
            pass


async def test_where_they_may_not_those_that_run_go_on_and_none_is_started(
    tmp_path: Path, client: ClientSession, database: dict[str, dict[str, str]]
) -> None:
    url = url_of(database, tmp_path)
    async with serving_pair(tmp_path, database, upgrade=True) as pair:
        async with holding(client, pair.one, pair.other):
            await add_later_version(url, NEXT)
        third = make_service(tmp_path, database)
        for command in (("serve",), ("db", "upgrade")):
            done = await third.run(*command)
            assert (done.status, done.err.count("\n")) == (1, 1)
            assert NEXT in done.err
            assert "newer" in done.err


async def test_what_the_release_before_says_to_its_tables_still_holds(
    tmp_path: Path, database: dict[str, dict[str, str]]
) -> None:
    """Rows without what is new can be written, read, changed and dropped."""
    old = f"sqlite:///{tmp_path / 'old.db'}"
    await within(old, migrate_to(BEFORE))
    tables = (await within(old, reflect)).sorted_tables
    service = make_service(tmp_path, database)
    assert (await service.run("db", "upgrade")).status == 0

    def use(connection: sa.Connection) -> None:
        for table in tables:
            row = {column.name: sample(column) for column in table.c}
            if table.name == "deployment":
                connection.execute(sa.delete(table))
            connection.execute(sa.insert(table), row)
        for table in tables:
            (found,) = connection.execute(sa.select(*table.c)).mappings()
            assert dict(found) == {column.name: sample(column) for column in table.c}
            same = {column.name: column for column in table.c}
            assert connection.execute(sa.update(table).values(same)).rowcount == 1
        for table in reversed(tables):
            assert connection.execute(sa.delete(table)).rowcount == 1
        connection.rollback()

    await within(url_of(database, tmp_path), use)


def sample(column: sa.Column[Any]) -> Any:
    """Return a value that a column takes; rows that refer to each other have the same."""
    return SAMPLES[column.type.python_type]
