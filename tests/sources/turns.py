"""How long an event loop is held between two turns."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Turns:
    """The longest that the loop was held between two turns of a task on it, in seconds.

    `worked` is what the loop's own thread did meanwhile, garbage collection included; `held` is by
    the clock, and longer where something else runs on this machine. With a `pause` (seconds) there
    may be several turns of the loop between two of the task; without, the loop never sleeps.
    """

    def __init__(self, pause: float) -> None:
        self.held = self.worked = 0.0
        self._pause = pause

    async def watch(self) -> None:
        pause = self._pause
        held, worked = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(pause)
            self.held = max(self.held, time.perf_counter() - held - pause)
            self.worked = max(self.worked, time.thread_time() - worked)
            held, worked = time.perf_counter(), time.thread_time()


@asynccontextmanager
async def watching(pause: float = 0.001) -> AsyncIterator[Turns]:
    turns = Turns(pause)
    task = asyncio.create_task(turns.watch())
    await asyncio.sleep(0)
    try:
        yield turns
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
