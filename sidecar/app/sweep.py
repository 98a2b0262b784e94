"""What a process does once a minute: it writes down who was here, and drops what is over."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, NoReturn

from sidecar.clock import Now, read_clock
from sidecar.core.lastuse import LastUse, Used
from sidecar.core.revocation import RevocationView
from sidecar.core.shards import SHARDS
from sidecar.errors import StoreUnavailable
from sidecar.ports import SweepStore
from sidecar.revocations import Revocations

SWEEP_PERIOD: Final = 60.0  # seconds
FLUSH_PERIOD: Final = 60.0  # seconds
FLUSH_RETRY: Final = 5.0  # seconds after which a full map that could not be written is tried again
LAST_FLUSH: Final = 1.0  # seconds for the one at the end: a process has ten to end in
# Seconds for which SQL may lack a use: the period of whoever noted it, and as much again for a
# flush that comes late. So long it must have been there until nobody is missing in it.
FLUSH_MARGIN: Final = 120
LARGEST_STEP: Final = 60  # seconds that the wall clock may gain or lose between two sweeps

log = logging.getLogger("sidecar.app")


class LastUseFlush:
    """Writes down what the gate notes of last uses."""

    def __init__(self, last_use: LastUse, store: SweepStore) -> None:
        self._last_use = last_use
        self._store = store
        self._full = asyncio.Event()
        self._good_since: float | None = None
        last_use.when_full = self._full.set

    async def run(self) -> NoReturn:
        """Flush once a minute, at once where there is no more room, and at the end; for ever."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_PERIOD):
                        await self._full.wait()
                self._full.clear()
                await self.flush()
                if self._good_since is None:
                    await asyncio.sleep(FLUSH_RETRY)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_FLUSH):
                    await self.flush()

    async def flush(self) -> None:
        """Write down what was noted; what cannot be written is kept."""
        for kind in Used:
            taken = self._last_use.take(kind)
            written = False
            try:
                await self._store.note_uses(kind, taken, read_clock().unix)
                written = True
            except StoreUnavailable as error:
                log.warning("last uses are not written down", extra={"cause": str(error)})
            finally:
                if not written:  # nor where it was cancelled
                    self._last_use.give_back(kind, taken)
                    self._good_since = None
            if not written:
                return
        if self._good_since is None:
            self._good_since = read_clock().monotonic

    def doubt(self) -> None:
        """Forget that SQL has been there: of the time in which it slept a process knows nothing."""
        self._good_since = None

    def is_settled(self, now: Now) -> bool:
        """Say whether SQL has been there for so long that every process has written to it."""
        since = self._good_since
        return since is not None and now.monotonic - since >= FLUSH_MARGIN


class Sweep:
    """Drops what is over, here and in the store, and ends idle sessions.

    Durations are seconds; `idle_ttl` is None where no cookie ends for not being used.
    """

    def __init__(
        self,
        view: RevocationView,
        store: SweepStore,
        revocations: Revocations,
        flush: LastUseFlush,
        *,
        refresh_ttl: int,
        idle_ttl: int | None,
    ) -> None:
        self._view = view
        self._store = store
        self._revocations = revocations
        self._flush = flush
        self._refresh_ttl = refresh_ttl
        self._idle_ttl = idle_ttl
        self._jumped_at: float | None = None

    async def run(self) -> NoReturn:
        """Sweep for ever.

        It does not go by a clock that has just jumped: what that calls over may be alive once it
        jumps back.
        """
        now = read_clock()
        while True:
            await asyncio.sleep(SWEEP_PERIOD)
            before, now = now, read_clock()
            if now.monotonic - before.monotonic > FLUSH_MARGIN:
                self._flush.doubt()
            if clock_jumped(before, now):
                self._jumped_at = now.monotonic
                log.warning("nothing was swept: the clock jumped", extra={"unix": now.unix})
                continue
            await self._sweep(now)

    async def _sweep(self, now: Now) -> None:
        await forget_over(self._view, now.unix)
        try:
            await self._store.purge(now.unix, refresh_ttl=self._refresh_ttl)
            if self._idle_ttl is not None and self._knows_idle(now, self._idle_ttl):
                used_before = now.unix - self._idle_ttl - FLUSH_MARGIN
                await self._revocations.end_idle_sessions(used_before)
        except StoreUnavailable as error:
            log.warning("nothing was purged", extra={"cause": str(error)})

    def _knows_idle(self, now: Now, idle_ttl: int) -> bool:
        """Say whether the times of last uses in the store mean what they say.

        Not while a process may still hold what it could not write. And once the clock has jumped,
        times before and after do not compare, until none from before is young enough to matter.
        """
        jumped_at = self._jumped_at
        compares = jumped_at is None or now.monotonic - jumped_at >= idle_ttl + FLUSH_MARGIN
        return compares and self._flush.is_settled(now)


async def forget_over(view: RevocationView, now: int) -> None:
    """Have a view forget what is over, a little at a time: requests are answered between."""
    for place in range(SHARDS):
        view.forget(now, [place])
        await asyncio.sleep(0)


def clock_jumped(before: Now, now: Now) -> bool:
    """Say whether the wall clock moved otherwise than time passed."""
    passed = now.monotonic - before.monotonic
    return abs(now.unix - before.unix - passed) > LARGEST_STEP
