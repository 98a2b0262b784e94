"""The turn of the keys beside the requests: whichever replica is first does what is due."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, NoReturn

from sidecar.app.sweep import clock_jumped
from sidecar.clock import Now, read_clock
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.turn import MOST_OF_PURPOSE
from sidecar.errors import SidecarError, Unavailable
from sidecar.rotation import KeyRotation

PERIOD: Final = 0.5  # seconds between looks at the ring, which is in memory
TRY_AGAIN: Final = 5.0  # seconds after a turn that the directory did not let us make
# Seconds for which the clock must have gone evenly before files are taken away by it: all else of
# a turn can be undone.
STEADY: Final = 600

log = logging.getLogger("sidecar.keys")


class KeyTurns:
    """Turns the keys of a serving process; `ask` has the ring read again once that is done."""

    def __init__(
        self, rotation: KeyRotation, ring: Callable[[], KeyRing], ask: Callable[[], None]
    ) -> None:
        self._rotation = rotation
        self._ring = ring
        self._ask = ask
        self._problem: str | None = None
        self._crowded: list[Purpose] = []
        self._seen = read_clock()
        self._steady_since = self._seen.monotonic

    @property
    def overdue(self) -> bool:
        """Whether a key should have begun to sign by now, and nobody has made it."""
        return self._rotation.is_overdue(self._ring(), read_clock().unix)

    async def run(self) -> NoReturn:
        """Do what is due, for ever. The first look is at the files, for what a crash has left."""
        pause = await self._turn(read_clock().unix, removing=False)
        while True:
            await asyncio.sleep(pause)
            now = read_clock()
            removing = self._is_steady(now)
            due = self._rotation.is_due(self._ring(), now.unix, removing=removing)
            pause = await self._turn(now.unix, removing=removing) if due else PERIOD
            self._tell_crowded(now.unix)

    def _is_steady(self, now: Now) -> bool:
        """Say whether files may be taken away by this clock."""
        if clock_jumped(self._seen, now):
            self._steady_since = now.monotonic
        self._seen = now
        return now.monotonic - self._steady_since >= STEADY

    def _tell_crowded(self, now: int) -> None:
        """Say once, for as long as it lasts, of which purpose too many keys lie there."""
        crowded = self._rotation.find_crowded(self._ring(), now)
        for purpose in crowded:
            if purpose not in self._crowded:
                log.warning(
                    "no %s key is made on schedule: %d lie there", purpose.value, MOST_OF_PURPOSE
                )
        self._crowded = crowded

    async def _turn(self, now: int, *, removing: bool) -> float:
        """Do what is due; return how many seconds later it is worth looking again."""
        try:
            turned = await self._rotation.turn(now, removing=removing)
        except Unavailable as error:
            log.debug("the keys could not be turned", extra={"cause": str(error)})
        except SidecarError as error:
            # Another replica may be the one that writes the directory.
            if self._problem != str(error):
                log.warning("no key is made by this process", extra={"cause": str(error)})
            self._problem = str(error)
            return TRY_AGAIN
        else:
            self._problem = None
            if turned:
                self._ask()
        return PERIOD
