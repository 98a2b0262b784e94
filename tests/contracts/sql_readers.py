"""Feeds of a database that run for the length of a block, with views that tests wait on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from sidecar.core.revocation import Revocation, RevocationView
from sidecar.stores.sql import SqlStore

PATIENCE = 10.0  # seconds; a test that waits longer has failed


class Reader:
    """A feed with a view, and when it read what.

    `knew` says of each moment in `heard` how many subjects had arrived by then.
    """

    def __init__(self, store: SqlStore) -> None:
        self.view = RevocationView()
        self.arrived: dict[str, float] = {}
        self.heard: list[float] = []
        self.knew: list[int] = []
        self.reads = 0
        self._changed = asyncio.Event()
        self.feed = store.make_feed(self._apply, self._hear)

    def _apply(self, revocations: Iterable[Revocation]) -> None:
        taken = list(revocations)
        self.view.apply(taken)
        self.reads += 1
        for each in taken:
            self.arrived.setdefault(each.subject, time.monotonic())
        self._changed.set()

    def _hear(self, at: float) -> None:
        self.heard.append(at)
        self.knew.append(len(self.arrived))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds, looking whenever the feed has read something."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.1)
                except TimeoutError:
                    continue  # a change of health alone tells nobody

    async def until_holds(self, *subjects: str) -> None:
        await self.until(lambda: self.arrived.keys() >= set(subjects))

    async def until_fresh(self) -> None:
        """Wait for a read that began after this moment and left nothing out."""
        now = time.monotonic()
        await self.until(lambda: bool(self.heard) and self.heard[-1] >= now)


@asynccontextmanager
async def reading(store: SqlStore) -> AsyncIterator[Reader]:
    """Run a feed for the length of the block; it must not end by itself."""
    reader = Reader(store)
    await reader.feed.start()
    running = asyncio.create_task(reader.feed.run())
    try:
        yield reader
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])
