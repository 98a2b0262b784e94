"""Who may try a password now. What strangers do cannot use up what known devices are allowed."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sidecar.core.audit import Device
from sidecar.core.throttle import Blocked, Throttled
from sidecar.credentials.buckets import Asked, BucketNames, draw_device
from sidecar.errors import Overloaded, StoreUnavailable
from sidecar.ports.throttle import Counted, MarkStore, ThrottleStore

# What is blocked is remembered here, so that whoever goes on asking costs no read: not longer than
# this, so that `sidecar throttle clear` is obeyed within it.
LONGEST_BELIEF: Final = 5  # seconds
MOST_REMEMBERED: Final = 10_000  # the oldest is dropped: it costs a read again
SHARED_RETRY: Final = 2  # seconds for which the shared store is not asked after it did not answer
LONGEST_WAIT: Final = 3.0  # seconds that a stranger waits for the turn to be counted in SQL
LONGEST_BREAK: Final = 1.0  # seconds between two strangers

log = logging.getLogger("sidecar.throttle")


@dataclass(frozen=True, slots=True)
class Admission:
    """An attempt that may be made, as it was counted; `device` is the one's that makes it.

    It is a new id where the device has shown none.
    """

    store: ThrottleStore
    counted: Counted
    asked: Asked
    device: str
    at: int


@dataclass(frozen=True, slots=True)
class _Belief:
    """That the bucket of this kind takes none before `until`, as the store said at `since`."""

    kind: str
    until: int
    since: int


class _Pace:
    """Strangers have the database at most half of the time: one after the other, with breaks.

    Where all of it waits for its disk, as SQLite does, a flood of them would keep everybody from
    reading and writing until they give up: whoever waits for a lock there tries now and then.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the turn; the next one comes after a break as long as that. Raises Overloaded."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._turn.acquire()
        except TimeoutError:
            raise Overloaded("too many strangers are waiting for their attempts to count") from None
        began = loop.time()
        try:
            yield
        finally:
            loop.call_later(min(loop.time() - began, LONGEST_BREAK), self._turn.release)


class Throttle:
    """Admits attempts, by `shared` where it answers, else by `store`.

    Counters: `throttled` attempts by the kind of bucket that took no more; `unshared` attempts that
    `shared` did not answer for.
    """

    def __init__(
        self,
        names: BucketNames,
        marks: MarkStore,
        store: ThrottleStore,
        shared: ThrottleStore | None,
    ) -> None:
        self.names = names
        self.throttled: Counter[str] = Counter()
        self.unshared = 0
        self._marks = marks
        self._store = store
        self._shared = shared
        self._shared_away_since: int | None = None
        self._beliefs: dict[str, _Belief] = {}
        self._pace = _Pace()

    async def admit(
        self, name: str, device: Device, known: str | None, now: int
    ) -> Admission | Throttled:
        """Count an attempt for this name, or say how long it has to wait.

        It comes before any look at the user, and is the same whether there is one. `name` is as
        typed, `known` what the device shows of an earlier login, `now` Unix seconds. Raises
        StoreUnavailable, Overloaded.
        """
        asked = self.names.ask(name, device.address, known)
        belief = self._find_belief(asked.key, now)
        if belief is not None:
            return self._refuse(belief.kind, belief.until, now)
        store, answer = await self._ask(asked, now)
        if isinstance(answer, Blocked):
            kind = answer.key.partition(":")[0]
            self._believe(asked.key, _Belief(kind, answer.until, now))
            return self._refuse(kind, answer.until, now)
        return Admission(store, answer, asked, asked.device or draw_device(), now)

    async def forgive(self, admission: Admission) -> None:
        """Take an attempt back whose password was right, or that was not looked at at all.

        Raises StoreUnavailable.
        """
        await self._settle(admission, admission.store.forgive(admission.counted))

    async def welcome(
        self, admission: Admission, user_id: str, epoch: int, *, remembers: bool
    ) -> None:
        """Take an attempt back with which this user has proved all that is asked of them.

        The login counts in itself, and from where it came is known from here on, unless their epoch
        has moved. `remembers` says that the device is given what it shows. Raises StoreUnavailable.
        """
        counted, asked, now = admission.counted, admission.asked, admission.at
        await self._settle(admission, admission.store.welcome(counted, asked.logins, now))
        places = {*asked.places, admission.device} if remembers else asked.places
        if places:
            await self._marks.put_marks(user_id, epoch, sorted(places), now)

    async def _settle(self, admission: Admission, settling: Awaitable[None]) -> None:
        """Wait for this; what the shared store does not take stays counted: nobody gains by it."""
        try:
            await settling
        except StoreUnavailable as error:
            if admission.store is not self._shared:
                raise
            self._note_away(admission.at, error)

    async def _ask(self, asked: Asked, now: int) -> tuple[ThrottleStore, Counted | Blocked]:
        buckets = asked.find_buckets(await self._find_marks(asked, now))
        shared, away = self._shared, self._shared_away_since
        if shared is not None:
            if away is None or not 0 <= now - away < SHARED_RETRY:
                try:
                    answer = await shared.admit(buckets, now)
                except StoreUnavailable as error:
                    self._note_away(now, error)
                else:
                    self._note_back()
                    return shared, answer
            self.unshared += 1
        if asked.device is not None:
            return self._store, await self._store.admit(buckets, now)
        async with self._pace.turn():
            return self._store, await self._store.admit(buckets, now)

    async def _find_marks(self, asked: Asked, now: int) -> Collection[str]:
        if asked.username is None or not asked.places:
            return ()
        return await self._marks.find_marks(asked.username, asked.places, now)

    def _note_away(self, now: int, error: StoreUnavailable) -> None:
        if self._shared_away_since is None:
            text = "attempts to log in are counted in SQL: the shared store is away"
            log.warning(text, extra={"cause": str(error)})
        self._shared_away_since = now

    def _note_back(self) -> None:
        if self._shared_away_since is not None:
            log.info("attempts to log in are counted in the shared store again")
        self._shared_away_since = None

    def _refuse(self, kind: str, until: int, now: int) -> Throttled:
        self.throttled[kind] += 1
        return Throttled(max(1, until - now))

    def _find_belief(self, asked: str, now: int) -> _Belief | None:
        belief = self._beliefs.get(asked)
        if belief is None:
            return None
        if belief.until <= now or not 0 <= now - belief.since < LONGEST_BELIEF:
            del self._beliefs[asked]
            return None
        return belief

    def _believe(self, asked: str, belief: _Belief) -> None:
        self._beliefs.pop(asked, None)  # so that the first in the dictionary is the oldest
        if len(self._beliefs) >= MOST_REMEMBERED:
            del self._beliefs[next(iter(self._beliefs))]
        self._beliefs[asked] = belief
