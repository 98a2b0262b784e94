"""SQLite's rollback journal lets many read or one commit: in this process, in order.

SQLite has no queue for its locks. Whoever finds one taken looks again after up to a tenth of a
second, and may find it taken each time: readers starve beside writers who commit one after the
other, and a commit starves beside readers. Other processes still go by SQLite's own locks.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class _Place:
    commits: bool
    come: Future[None] = field(default_factory=Future)


class Gate:
    """Lets in who came first: all who read up to the next commit, or one commit by itself.

    Threads may commit beside the event loop, which is where all others are. Whoever waits for
    longer than `seconds` goes away by TimeoutError, as they do from SQLite's own locks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for a few instructions
        self._reading = 0
        self._committing = False
        self._waiting: deque[_Place] = deque()

    @asynccontextmanager
    async def reading(self, seconds: float) -> AsyncIterator[None]:
        """Read for the length of the block. Raises TimeoutError."""
        await self._wait(self._ask(commits=False), seconds)
        try:
            yield
        finally:
            self._leave(commits=False)

    @asynccontextmanager
    async def committing(self, seconds: float) -> AsyncIterator[None]:
        """Commit within the block, which waits for nobody who reads. Raises TimeoutError."""
        await self._wait(self._ask(commits=True), seconds)
        try:
            yield
        finally:
            self._leave(commits=True)

    @contextmanager
    def committing_thread(self, seconds: float) -> Iterator[None]:
        """Commit within the block, on a thread that is not the event loop's."""
        place = self._ask(commits=True)
        try:
            place.come.result(seconds)
        except TimeoutError:
            self._give_up(place)
            raise
        try:
            yield
        finally:
            self._leave(commits=True)

    async def _wait(self, place: _Place, seconds: float) -> None:
        if place.come.done():
            return
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wrap_future(place.come)
        except (asyncio.CancelledError, TimeoutError):
            self._give_up(place)
            raise

    def _ask(self, *, commits: bool) -> _Place:
        place = _Place(commits)
        with self._lock:
            self._waiting.append(place)
            self._let_in()
        return place

    def _leave(self, *, commits: bool) -> None:
        with self._lock:
            if commits:
                self._committing = False
            else:
                self._reading -= 1
            self._let_in()

    def _give_up(self, place: _Place) -> None:
        if place.come.cancel():
            with self._lock:
                self._let_in()  # those who waited behind this one alone
        else:
            self._leave(commits=place.commits)  # it had come, to somebody who is gone

    def _let_in(self) -> None:
        """Let in whoever can be, under the lock."""
        while self._waiting:
            place = self._waiting[0]
            gone = place.come.cancelled()
            if not gone and (self._committing or (place.commits and self._reading)):
                return
            self._waiting.popleft()
            if place.come.set_running_or_notify_cancel():
                if place.commits:
                    self._committing = True
                else:
                    self._reading += 1
                place.come.set_result(None)
