"""A lock for those who write: they have it in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa


class SentAway(TimeoutError):
    """Somebody ahead of us has waited for the database in vain."""


class FairLock:
    """Is held by one at a time, however long that takes: who holds it has timeouts of its own.

    Where the database fails somebody, it has kept those behind them waiting as long: they are sent
    away too, or each would wait for the same once more.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold it for the length of the block. Raises SentAway."""
        if self._taken:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled() and place.exception() is None:
                    self._pass_on()  # it had come, to somebody who is gone
                raise
        self._taken = True
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.TimeoutError, OSError):
            self._send_away()
            raise
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Hand it to the next who still waits; it stays taken meanwhile."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._taken = False

    def _send_away(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(SentAway())
