"""The collection of garbage while a process serves: often and little, instead of all at once.

A full collection looks at every object that lives: with some thousand remembered tokens it takes
tens of milliseconds, in which nobody is answered. So none comes by itself. Many times a second what
is new since is counted and, where that is much, looked at; what lives then is frozen: it is never
looked at again, and freed as ever once nobody refers to it. Where requests are under way nothing is
frozen, for what they leave behind may refer to itself, and nobody would find it any more.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from aiohttp import web

from sidecar.sources.pace import NEVER, YOUNG, is_building

# Python counts objects that are made less those that are freed: where remembered ones are replaced
# it hears nothing of the new ones. In so many seconds a core makes some 6 000.
LOOK: Final = 0.05
FEW: Final = 2000  # objects that may wait: they take half a millisecond
GENERATIONS: Final = 3
WAITS: Final = 20  # looks between two counts, where requests under way are waited for
MOST: Final = 100_000  # objects that wait no longer for requests to end
_BEFORE: Final = gc.get_threshold()


class Garbage:
    """Collects garbage, and waits for the requests of what it watches."""

    def __init__(self) -> None:
        self._runners: list[web.BaseRunner] = []
        self._waits = 0  # looks since there was more than a little, requests being under way

    def watch(self, runner: web.BaseRunner) -> None:
        """Wait for the requests of this one too."""
        self._runners.append(runner)

    @property
    def busy(self) -> bool:
        """Say whether a request is under way."""
        return any(each.server is not None and is_busy(each.server) for each in self._runners)

    async def run(self) -> NoReturn:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(LOOK)
            self.tidy()

    def tidy(self) -> None:
        """Collect what is new, and freeze what is left of it where nothing is under way."""
        if is_building():  # all of that is new, and frozen at its end
            return
        new = count_new() if self._waits % WAITS == 0 else 0
        if self._waits == 0 and new <= FEW:
            return
        if not self.busy:
            gc.collect()
            gc.freeze()
            self._waits = 0
            return
        self._waits += 1
        if new >= MOST:  # at the price of what these requests leave behind that refers to itself
            gc.collect()
            gc.freeze()
            self._waits = 0


def count_new() -> int:
    """Return how many objects the collector looks at."""
    # No Python in between, so no other thread goes on while the lists are there: one that fills a
    # tuple from a generator finds it shared then, and fails with a SystemError (CPython's
    # PySequence_Tuple and _PyTuple_Resize).
    return sum(map(len, map(gc.get_objects, range(GENERATIONS))))


def is_busy(server: web.Server) -> bool:
    """Say whether a request is under way, or waits; who is idle is not waited for."""
    return any(
        each._request_in_progress or each._messages  # noqa: SLF001 - as aiohttp looks
        for each in server.connections
    )


@contextmanager
def collecting_young() -> Iterator[None]:
    """Have only young objects collected by themselves, for the length of the block."""
    gc.set_threshold(_BEFORE[0], YOUNG, NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*_BEFORE)
