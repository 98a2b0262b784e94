"""Whether a device is known still: its seal never ends, the mark of its last login does.

Whoever was removed, or has another password since, may have kept thousands of seals. Until a mark
is found, those who show one hold nothing of what is kept for known devices: they are looked up in a
line of their own, and whoever turns out to be a stranger is one from then on.
"""

import asyncio
from dataclasses import replace
from typing import Final

from sidecar.credentials.beliefs import Beliefs
from sidecar.credentials.buckets import Asked
from sidecar.credentials.crowds import Crowds
from sidecar.errors import Overloaded
from sidecar.ports.throttle import MarkStore

LOOKS_AT_ONCE: Final = 2  # of the database's five connections: others have the rest
MOST_IN_LINE: Final = 256  # at some milliseconds each, two at once: the last waits about a second
MOST_OF_USER: Final = 8  # of them: whoever shows many seals of one user keeps out that user alone
LONGEST_IN_LINE: Final = 3.0  # seconds: while the database hangs it does not move


class Recognition:
    """Looks up from where users are known. Raises StoreUnavailable, and Overloaded by the line."""

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks
        self._users = Crowds(MOST_OF_USER, "too many devices of one user wait to be recognised")
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._length = 0
        self._strangers = Beliefs[Asked]()

    async def recognise(self, asked: Asked, now: int) -> Asked:
        """Return who asks; where they show a seal it says whether their device is known.

        What was a stranger's a moment ago is not looked up again.
        """
        if asked.device is None or self._strangers.find(_key(asked), now) is not None:
            return asked
        if self._length >= MOST_IN_LINE:
            raise Overloaded("too many devices wait to be recognised")
        with self._users.enter(asked.tag):
            self._length += 1
            try:
                found = await self._look_in_turn(asked, now)
            finally:
                self._length -= 1
        if not found.has_known_device:
            self._strangers.keep(_key(asked), found, now)
        return found

    async def look(self, asked: Asked, now: int) -> Asked:
        """Return who asks, and from which of their places the user is known."""
        if asked.username is None or not asked.places:
            return replace(asked, known=())
        found = await self._marks.find_marks(asked.username, asked.places, now)
        return replace(asked, known=tuple(found))

    def welcome(self, asked: Asked) -> None:
        """Look the device up again that has logged in just now."""
        self._strangers.drop(_key(asked))

    async def _look_in_turn(self, asked: Asked, now: int) -> Asked:
        try:
            async with asyncio.timeout(LONGEST_IN_LINE):
                await self._looks.acquire()
        except TimeoutError:
            raise Overloaded("a device waited too long to be recognised") from None
        try:
            return await self.look(asked, now)
        finally:
            self._looks.release()


def _key(asked: Asked) -> str:
    return f"{asked.tag}:{asked.device}"
