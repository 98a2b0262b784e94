"""The feed that always runs: every process sees what another committed within a second."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from sidecar.clock import read_clock
from sidecar.core.revocation import Revocation
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.notices import SqliteNotice, listen
from sidecar.stores.sql.revocations import SqlRevocations

PERIOD: Final = 0.2  # seconds between looks
SHORTEST_PAUSE: Final = 0.02  # seconds between looks where PostgreSQL tells of many commits
LONGEST_TRUST: Final = 5.0  # seconds without a change after which the log is read all the same
PAGE: Final = 200  # entries read at once: more would hold the event loop for over 5 ms
# Seconds between the pages of the whole log that are read again, whatever was seen: whoever writes
# past us, and a database that was set back at the worst moment, are noticed all the same.
PAGE_PERIOD: Final = 5.0

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
        self._told = asyncio.Event()  # of something new
        self._last: Entry | None = None  # the greatest of the log, as far as it was read
        self._page_after = 0  # the sequence behind which the log is read again
        self._page_due = 0.0
        self._complete = True  # False while something may be missing that only reading again finds
        self._version: int | None = None  # of the SQLite file as it was last read, where known
        self._read_at = 0.0

    async def start(self) -> None:
        """Take the first whole view. Raises StoreUnavailable."""
        began = read_clock().monotonic
        await self._read_on(self._first)
        while not self._complete:
            await self._read_page_again()
        self._heard(began)
        self._page_due = began + PAGE_PERIOD

    async def run(self) -> None:
        """Read on for ever; what fails is tried again."""
        notice = None
        if self._database.is_sqlite:
            notice = SqliteNotice(self._database)
        else:
            listen(self._database, self._told.set)
        try:
            while True:
                await self._wait()
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

    async def _wait(self) -> None:
        """Wait until it is time to look."""
        await asyncio.sleep(SHORTEST_PAUSE)
        if self._complete:
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD - SHORTEST_PAUSE):
                    await self._told.wait()
        self._told.clear()

    async def _look(self, notice: SqliteNotice | None) -> None:
        """Read the log, unless it is known that nothing came."""
        began = read_clock().monotonic
        version = None if notice is None else await notice.read_version()
        trusted = version is not None and began < self._read_at + LONGEST_TRUST
        if trusted and version == self._version and self._complete:
            self._heard(began)
            return
        await self._read_on(self._store)
        if began >= self._page_due:
            await self._read_page_again()
            self._page_due = began + PAGE_PERIOD
        while not self._complete and read_clock().monotonic < began + PERIOD:
            await self._read_page_again()
        if self._complete:
            self._heard(began)
        self._version, self._read_at = version, began

    async def _read_on(self, store: SqlRevocations) -> None:
        """Read the log to its end, in pages.

        Its last entry is read again with what came since. Where it is not there any more, it was
        over and purged, or the database is not what it was: restored, or failed over to one that
        lacked the last commits. Others may have written before that was noticed.
        """
        length = PAGE
        while length == PAGE:
            last = self._last
            page = await store.read_entries(0 if last is None else last.sequence - 1, PAGE)
            length = len(page)
            if last is not None and last not in page[:1]:
                await self._begin_again(store, last)
                length = PAGE
                continue
            self._apply(entry.revocation for entry in page)
            if page:
                self._last = page[-1]

    async def _begin_again(self, store: SqlRevocations, lost: Entry) -> None:
        """Go on from where the log ends now, and have all of it read again."""
        last = await store.read_last_entry()
        # Also where it was only over, as for a process that slept: what others wrote since lies
        # between the two, and the view is not fresh before that has been read.
        self._complete = False
        if lost.revocation.forget_at > read_clock().unix:  # which no purge takes
            log.warning(
                "the database lacks a revocation that was read from it, and which is refused here"
                " all the same: unless the clock of another process is ahead, it was restored or"
                " failed over without its last commits; revoke again what was revoked just before"
            )
        self._last, self._page_after = last, 0
        if last is not None:
            self._apply([last.revocation])

    async def _read_page_again(self) -> None:
        """Read one more page of the whole log, from its start again behind its end."""
        page = await self._store.read_entries(self._page_after, PAGE)
        self._apply(entry.revocation for entry in page)
        if len(page) < PAGE:
            self._page_after, self._complete = 0, True
        else:
            self._page_after = page[-1].sequence

    def _note(self, *, healthy: bool, cause: str = "") -> None:
        if healthy is not self.healthy:
            if healthy:
                log.info("the revocations are read again")
            else:
                log.error("the revocations cannot be read", extra={"cause": cause})
            self.healthy = healthy
