"""The feed that always runs: every process sees what another committed within a second."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import aiosqlite

from sidecar.core.revocation import Revocation
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations

PERIOD: Final = 0.2  # seconds between looks
NOTICE_TIMEOUT: Final = 1.0  # seconds; a commit on a slow disk holds SQLite's file as long
LONGEST_TRUST: Final = 5.0  # seconds without a change after which the log is read all the same

log = logging.getLogger("sidecar.feed")


class SqlFeed:
    """Reads the log on; `heard` is given the monotonic second at which each good read began.

    The first view comes through the database that it is given; from then on it reads through a
    connection of its own: what others queue for does not hold it up.
    """

    def __init__(
        self,
        database: Database,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
    ) -> None:
        self.healthy = True
        self._first = SqlRevocations(database, announced=False)
        self._database = database.again(connections=1)
        self._store = SqlRevocations(self._database, announced=False)
        self._apply = apply
        self._heard = heard
        self._sequence = 0
        self._version: int | None = None  # of the SQLite file as it was last read, where known
        self._read_at = 0.0

    async def start(self) -> None:
        """Take the first whole view. Raises StoreUnavailable."""
        began = time.monotonic()
        self._take(await self._first.read_entries(self._sequence), began)

    async def run(self) -> None:
        """Read on for ever; what fails is tried again."""
        notice = (
            _SqliteNotice(self._database.url.database or "") if self._database.is_sqlite else None
        )
        try:
            while True:
                await asyncio.sleep(PERIOD)
                try:
                    await self._look(notice)
                except StoreUnavailable as error:
                    self._version = None  # a change that was noticed is still to be read
                    self._note(healthy=False, cause=str(error))
                else:
                    self._note(healthy=True)
        finally:
            if notice is not None:
                await notice.close()
            await self._database.close()

    async def _look(self, notice: "_SqliteNotice | None") -> None:
        """Read the log, unless it is known that nothing came."""
        began = time.monotonic()
        version = None if notice is None else await notice.read_version()
        trusted = version is not None and began < self._read_at + LONGEST_TRUST
        if trusted and version == self._version:
            self._heard(began)
            return
        entries = await self._store.read_entries(self._sequence)
        self._take(entries, began)
        self._version, self._read_at = version, began

    def _take(self, entries: Sequence[Entry], began: float) -> None:
        self._apply(entry.revocation for entry in entries)
        if entries:
            self._sequence = entries[-1].sequence
        self._heard(began)

    def _note(self, *, healthy: bool, cause: str = "") -> None:
        if healthy is not self.healthy:
            if healthy:
                log.info("the revocations are read again")
            else:
                log.error("the revocations cannot be read", extra={"cause": cause})
            self.healthy = healthy


class _SqliteNotice:
    """Says whether another connection committed: a connection of its own that never writes.

    `PRAGMA data_version` costs a tenth of what reading the log costs, and does not see commits of
    its own connection.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None

    async def read_version(self) -> int:
        """Return a number that every commit changes. Raises StoreUnavailable.

        After that the numbers start anew, and none from before may be compared with them.
        """
        try:
            if self._connection is None:
                self._connection = await aiosqlite.connect(self._path, timeout=NOTICE_TIMEOUT)
            async with self._connection.execute("PRAGMA data_version") as cursor:
                row = await cursor.fetchone()
        except aiosqlite.Error as error:
            await self.close()
            raise StoreUnavailable(f"{self._path}: {error}") from None
        return int(row[0]) if row is not None else 0

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
