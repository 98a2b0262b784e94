"""The feed that always runs: every process sees what another committed within a second."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

import aiosqlite

from sidecar.core.revocation import Revocation
from sidecar.errors import StoreUnavailable
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations

PERIOD: Final = 0.2  # seconds between looks
NOTICE_TIMEOUT: Final = 0.2  # seconds that the look waits while a writer holds SQLite's file
LONGEST_TRUST: Final = 5.0  # seconds without a change after which the log is read all the same

log = logging.getLogger("sidecar.feed")


class SqlFeed:
    """Reads the log on; `heard` is given the monotonic second at which each good read began."""

    def __init__(
        self,
        database: Database,
        log_store: SqlRevocations,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
    ) -> None:
        self.healthy = True
        self._database = database
        self._store = log_store
        self._apply = apply
        self._heard = heard
        self._sequence = 0

    async def start(self) -> None:
        """Take the first whole view. Raises StoreUnavailable."""
        await self._read()

    async def run(self) -> None:
        """Read on for ever; what fails is tried again."""
        notice = (
            _SqliteNotice(self._database.url.database or "") if self._database.is_sqlite else None
        )
        try:
            while True:
                await asyncio.sleep(PERIOD)
                try:
                    began = time.monotonic()
                    if notice is None or await notice.has_changed(began):
                        await self._read()
                    else:
                        self._heard(began)
                except StoreUnavailable as error:
                    self._note(healthy=False, cause=str(error))
                else:
                    self._note(healthy=True)
        finally:
            if notice is not None:
                await notice.close()

    async def _read(self) -> None:
        began = time.monotonic()
        entries = await self._store.read_entries(self._sequence)
        self._apply(entry.revocation for entry in entries)
        if entries:
            self._sequence = entries[-1].sequence
        self._heard(began)

    def _note(self, *, healthy: bool, cause: str = "") -> None:
        if healthy is not self.healthy:
            self.healthy = healthy
            if healthy:
                log.info("the revocations are read again")
            else:
                log.error("the revocations cannot be read", extra={"cause": cause})


class _SqliteNotice:
    """Says whether another connection committed: a connection of its own that never writes.

    `PRAGMA data_version` costs a tenth of what reading the log costs, and does not see commits of
    its own connection.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None
        self._version: int | None = None
        self._read_at = 0.0

    async def has_changed(self, now: float) -> bool:
        """Say whether the log is to be read. Raises StoreUnavailable."""
        try:
            if self._connection is None:
                self._connection = await aiosqlite.connect(self._path, timeout=NOTICE_TIMEOUT)
            async with self._connection.execute("PRAGMA data_version") as cursor:
                row = await cursor.fetchone()
        except (aiosqlite.Error, OSError, ValueError) as error:
            await self.close()
            raise StoreUnavailable(f"{self._path}: {error}") from None
        version = None if row is None else int(row[0])
        if version == self._version and now < self._read_at + LONGEST_TRUST:
            return False
        self._version, self._read_at = version, now
        return True

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            await self._connection.close()
        self._connection = None
        self._version = None
