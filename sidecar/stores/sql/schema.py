"""The schema's version: SQLite's is raised at start, PostgreSQL's by `sidecar db upgrade`.

Two versions of the service run side by side while replicas are replaced (docs/replicas.md): an
older one goes on, and may start again, on a schema that says that it may.
"""

import asyncio
import re
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.errors import StoreUnusable
from sidecar.stores.sql.engine import SCHEMA_LOCK, Database
from sidecar.stores.sql.search import index_search
from sidecar.stores.sql.sqlite import make_place
from sidecar.stores.sql.tables import deployment, metadata

HEAD: Final = "0003"  # a test holds it equal to the newest migration
KNOWN: Final = frozenset({None, "0001", "0002", HEAD})
# A later version says in its name from which one on the code goes on working with it: whoever needs
# an earlier one would read or write what is not right any more (migrations/__init__.py).
_LATER: Final = re.compile(r"([0-9]{4})_from_([0-9]{4})")
NUMBER: Final = 4  # digits at the beginning of a version
# Seconds for one statement of a migration, and for whoever waits until another process made it.
MIGRATION_TIMEOUT: Final = 3600.0
STARTING_TIMEOUT: Final = 10.0  # on SQLite, where it is part of the start
# As alembic makes it, which is not imported to make a new database.
_VERSION: Final = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


async def prepare_schema(database: Database) -> None:
    """Make sure that the schema is current. Raises StoreUnusable, StoreUnavailable."""
    if database.is_sqlite:
        await asyncio.to_thread(make_place, database.url)
    async with database.read() as connection:
        version = await _read_version(connection)
    if _is_enough(version):
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
    patience = STARTING_TIMEOUT if database.is_sqlite else MIGRATION_TIMEOUT
    patient = database.again(connections=1, patience=patience)
    try:
        await _upgrade(patient)
    finally:
        await patient.close()


async def _upgrade(database: Database) -> None:
    # It may be silent between two statements: what they are is read from files.
    async with database.write(single=True) as connection:
        if not database.is_sqlite:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
        version = await _read_version(connection)
        if _is_enough(version):
            return
        if version not in KNOWN:
            raise StoreUnusable(
                f"{database}: the schema is at version {version}, which this sidecar does not know:"
                " use a newer one"
            )
        await connection.run_sync(_create if version is None else migrate)


def _is_enough(version: str | None) -> bool:
    """Say whether this code works with a schema: its own version, or a later one that lets it."""
    if version == HEAD:
        return True
    later = _LATER.fullmatch(version or "")
    own = HEAD[:NUMBER]
    return later is not None and later[1] > own >= later[2]


async def _read_version(connection: AsyncConnection) -> str | None:
    exists = await connection.run_sync(lambda sync: sa.inspect(sync).has_table("alembic_version"))
    if not exists:
        return None
    row = await connection.execute(sa.select(_VERSION.c.version_num))
    version: str | None = row.scalar_one_or_none()
    return version


def _create(connection: sa.Connection) -> None:
    """Make what all migrations together make; a test holds both equal."""
    metadata.create_all(connection, checkfirst=False)
    index_search(connection)
    connection.execute(sa.insert(deployment).values(id=1, epoch=0))
    _VERSION.create(connection, checkfirst=True)
    connection.execute(sa.insert(_VERSION).values(version_num=HEAD))


def migrate(connection: sa.Connection) -> None:
    """Run the migrations that the database has not seen, in the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - 14 MB that only a migration needs
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", "sidecar.stores.sql:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
