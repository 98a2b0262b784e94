"""What tells the feed that there is something to read, sooner or cheaper than reading would.

PostgreSQL says so by itself (LISTEN, NOTIFY), where nothing in between swallows it. That is a hint:
the log is read every now and then all the same, and one that is lost costs no more than that.
SQLite is asked.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

import aiosqlite

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql.engine import CHANNEL, Database
from sidecar.stores.sql.problems import describe_problem

NOTICE_TIMEOUT: Final = 1.0  # seconds; a commit on a slow disk holds SQLite's file as long

log = logging.getLogger("sidecar.feed")


class SqliteNotice:
    """Says whether another connection committed: a connection of its own that never writes.

    `PRAGMA data_version` costs a tenth of what reading the log costs, and does not see commits of
    its own connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: aiosqlite.Connection | None = None

    async def read_version(self) -> int:
        """Return a number that every commit changes. Raises StoreUnavailable.

        After that the numbers start anew, and none from before may be compared with them.
        """
        try:
            if self._connection is None:
                path = self._database.url.database or ""
                self._connection = await aiosqlite.connect(path, timeout=NOTICE_TIMEOUT)
            async with (
                self._database.reading(NOTICE_TIMEOUT),
                self._connection.execute("PRAGMA data_version") as cursor,
            ):
                row = await cursor.fetchone()
        except (aiosqlite.Error, TimeoutError) as error:
            await self.close()
            raise StoreUnavailable(f"{self._database}: {describe_problem(error)}") from None
        return int(row[0]) if row is not None else 0

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def listen(database: Database, told: Callable[[], None]) -> None:
    """Have `told` called when somebody commits revocations; nothing where PostgreSQL is not told.

    Every connection that `database` makes from now on listens. Behind PgBouncer it hears nothing.
    """
    said = False

    def hear(*_: object) -> None:
        told()

    def listen_on(connection: Any) -> None:
        nonlocal said
        driver = connection.dbapi.asyncpg
        try:
            connection.run_async(lambda raw: raw.add_listener(CHANNEL, hear))
        except (driver.PostgresError, driver.InterfaceError, OSError) as error:
            # As on a standby. What is wrong with the connection itself its first statement says.
            if not said:
                log.info(
                    "PostgreSQL does not tell of revocations: they are looked for all the same",
                    extra={"cause": type(error).__name__},
                )
            said = True

    database.on_connect(listen_on)
