"""Requests of the ordinary way begin one after the other, so that a burst holds no question up.

What an endpoint does for a request before it first waits for something takes about half a
millisecond: a body is judged, a page is made. A hundred strangers who try to log in at once would
have all of it done in one turn of the loop, and every question at the gate would wait for the last
of them. So one request begins in each turn, and what else has come is dealt with between. Dear work
of the gate itself has slices of its own (web/pace.py).
"""

import asyncio
from collections import deque
from typing import Final

from sidecar.errors import Overloaded
from sidecar.web.pace import Gone

MOST_WAITING: Final = 1024  # requests; the last one waits for a second or two


class Turns:
    """Gives each request a turn of the loop to begin in; for one event loop.

    The last one that waits may share its turn with one that comes just then, and no others do.
    """

    def __init__(self) -> None:
        self._taken = False  # this turn, and the next one where somebody waits
        self._waiting: deque[tuple[asyncio.Future[None], Gone]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for their turn, those included who have gone."""
        return len(self._waiting)

    async def wait(self, gone: Gone) -> None:
        """Return in a turn of one's own, in the order of who waits.

        Raises Overloaded where too many wait already, and CancelledError for who is `gone` by
        then.
        """
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._go_on)
            return
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded("too many requests wait for their turn")
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting.append((waiting, gone))
        await waiting

    def _go_on(self) -> None:
        self._taken = False
        while self._waiting:
            waiting, gone = self._waiting.popleft()
            if waiting.done():  # cancelled, as the service ends
                continue
            if gone():
                waiting.cancel()
                continue
            self._taken = True
            asyncio.get_running_loop().call_soon(self._go_on)
            waiting.set_result(None)
            return
