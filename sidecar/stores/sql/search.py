"""The index by which PostgreSQL finds a part of what people are called, among a million of them.

It needs `pg_trgm`, which comes with PostgreSQL but is not everybody's to switch on. Without it the
same people are found, by reading every row. SQLite reads the rows of 100 000 people in 30 ms.
"""

import logging
from typing import Final

import sqlalchemy as sa

SEARCH_INDEX: Final = "ix_users_search"

_EXTENSION: Final = sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm")
_INDEX: Final = sa.text(f"CREATE INDEX {SEARCH_INDEX} ON users USING gin (search gin_trgm_ops)")

log = logging.getLogger("sidecar.store")


def index_search(connection: sa.Connection) -> None:
    """Make the index where that is possible, within the caller's transaction."""
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            connection.execute(_EXTENSION)
            connection.execute(_INDEX)
    except sa.exc.DBAPIError:
        log.warning("pg_trgm cannot be switched on: looking for people reads every row of them")
