"""Long work on the event loop, in slices between which requests are answered."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

SLICE: Final = 0.001  # seconds; a decision takes a thirtieth of it
YOUNG: Final = 2  # collections of the youngest objects to one of the next: it takes a slice too
NEVER: Final = 2**31 - 1

_BUILDING: Final[list[object]] = []  # what is under way, in this process


class Pace:
    """Lets the loop go whenever a slice is over."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def pause(self) -> None:
        """Let others go first, where that is due; to be called between small steps."""
        if perf_counter() - self._since >= SLICE:
            await asyncio.sleep(0)
            self._since = perf_counter()


@contextmanager
def building_to_last() -> Iterator[None]:
    """Keep what is built in the block out of sight of the garbage collector, which holds the loop.

    A full collection looks at every object: with many that are new it comes soon, and takes tens
    of milliseconds each time. What is alive at the end of the block is never looked at again; what
    nobody refers to any more is freed as ever, but for rings of objects that were alive then.
    """
    before = gc.get_threshold()
    _BUILDING.append(before)
    gc.set_threshold(before[0], YOUNG, NEVER)
    try:
        yield
    finally:
        _BUILDING.pop()
        gc.freeze()
        gc.set_threshold(*before)


def is_building() -> bool:
    """Say whether something is under way that the collector of garbage must not see."""
    return bool(_BUILDING)
