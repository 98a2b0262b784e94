"""Databases as the release before this one left them, with people and sessions in them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.contracts.sql_stores import outside

T = TypeVar("T")

BEFORE: Final = "0002"  # the schema of the release before this one
UNCOPIED: Final = "alembic_version"
DRAWN: Final = {"revocations": "sequence", "audit": "id"}  # by PostgreSQL, one after the other


async def within(url: str, work: Callable[[sa.Connection], T]) -> T:
    """Do this in a transaction of its own."""
    async with outside(url) as connection:
        result = await connection.run_sync(work)
        await connection.commit()
        return result


def migrate_to(revision: str) -> Callable[[sa.Connection], None]:
    """Return what brings an empty database to this version."""

    def migrate(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "sidecar.stores.sql:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return migrate


def reflect(connection: sa.Connection) -> sa.MetaData:
    """Return the tables as the database describes them."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    metadata.remove(metadata.tables[UNCOPIED])
    return metadata


async def copy_to_older(current: str, older: str) -> None:
    """Make `older`, an empty database, what the release before would have made of `current`."""
    await within(older, migrate_to(BEFORE))
    tables = (await within(older, reflect)).sorted_tables

    def read(connection: sa.Connection) -> list[list[dict[str, Any]]]:
        return [
            [dict(row) for row in connection.execute(sa.select(*table.c)).mappings()]
            for table in tables
        ]

    rows = await within(current, read)

    def write(connection: sa.Connection) -> None:
        for table in reversed(tables):
            connection.execute(sa.delete(table))
        for table, found in zip(tables, rows, strict=True):
            if found:
                connection.execute(sa.insert(table), found)
            if table.name in DRAWN and connection.dialect.name == "postgresql":
                column = table.c[DRAWN[table.name]]
                drawn = sa.func.pg_get_serial_sequence(table.name, column.name)
                latest = sa.select(sa.func.max(column)).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(drawn, latest)))

    await within(older, write)


async def find_version(url: str) -> str:
    """Return the version of a schema."""
    read = sa.text("SELECT version_num FROM alembic_version")
    version: str = await within(url, lambda connection: connection.execute(read).scalar_one())
    return version


async def leave_no_database(directory: Path) -> None:
    """Remove the SQLite database of a service that does not run."""
    for file in await asyncio.to_thread(lambda: list((directory / "data").glob("sidecar.db*"))):
        file.unlink()
