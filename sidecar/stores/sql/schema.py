"""The schema's version: brought up to date on SQLite at start.

On PostgreSQL by `sidecar db upgrade`.
"""

import asyncio
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.errors import StoreUnusable
from sidecar.stores.sql.engine import SCHEMA_LOCK, Database, make_place

HEAD: Final = "0001"  # a test holds it equal to the newest migration
KNOWN: Final = frozenset({None, HEAD})


async def prepare_schema(database: Database) -> None:
    """Make sure that the schema is current. Raises StoreUnusable, StoreUnavailable."""
    if database.is_sqlite:
        await asyncio.to_thread(make_place, database.url)
    async with database.read() as connection:
        version = await _read_version(connection)
    if version == HEAD:
        return
    if not database.is_sqlite:
        raise StoreUnusable(
            f"{database}: the schema is at version {version or 'none'}, this sidecar needs {HEAD}: "
            + ("run `sidecar db upgrade`" if version in KNOWN else "use a newer sidecar")
        )
    await upgrade_schema(database)


async def upgrade_schema(database: Database) -> None:
    """Bring the schema up to date; of several processes that try at once one does it."""
    if database.is_sqlite:
        await asyncio.to_thread(make_place, database.url)
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
        version = await _read_version(connection)
        if version == HEAD:
            return
        if version not in KNOWN:
            raise StoreUnusable(
                f"{database}: the schema is at version {version}, which this sidecar does not know:"
                " use a newer one"
            )
        await connection.run_sync(_migrate)


async def _read_version(connection: AsyncConnection) -> str | None:
    exists = await connection.run_sync(lambda sync: sa.inspect(sync).has_table("alembic_version"))
    if not exists:
        return None
    row = await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
    version: str | None = row.scalar_one_or_none()
    return version


def _migrate(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 14 MB that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "sidecar.stores.sql:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
