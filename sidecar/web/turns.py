"""Requests of the ordinary way begin one after the other, so that a burst holds no question up.

What an endpoint does for a request before it first waits for something takes about half a
millisecond: a body is read and judged, a page is made. A hundred strangers who try to log in at
once would have all of it done in one turn of the loop, and every question at the gate would wait
for the last of them. So one request begins in each turn, and what else has come is dealt with
between. Dear work of the gate itself has slices of its own (web/pace.py).
"""

import asyncio
from collections import deque


class Turns:
    """Gives each request a turn of the loop of its own to begin in; for one event loop.

    Nothing is refused here: who waits is a connection that has been accepted, and those are bounded
    by the process's open files.
    """

    def __init__(self) -> None:
        self._taken = False  # this turn, and the next one where somebody waits
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Return in a turn in which nobody else does, in the order of who waits."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._go_on)
            return
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiting)
        await waiting

    def _go_on(self) -> None:
        self._taken = False
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():  # else whoever asked has gone
                self._taken = True
                asyncio.get_running_loop().call_soon(self._go_on)
                waiting.set_result(None)
                return
