"""Who may try a password now. What strangers do cannot use up what known devices are allowed."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sidecar.core.audit import Device
from sidecar.core.throttle import Blocked, Throttled
from sidecar.credentials.beliefs import Beliefs
from sidecar.credentials.buckets import Asked, BucketNames, draw_device
from sidecar.credentials.recognition import Recognition
from sidecar.errors import Overloaded, StoreUnavailable, Unavailable
from sidecar.ports.throttle import Counted, MarkStore, ThrottleStore

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
    """That the bucket of this kind takes none before `until`."""

    kind: str
    until: int


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
        self._recognition = Recognition(marks)
        self._beliefs = Beliefs[_Belief]()
        self._pace = _Pace()

    async def admit(
        self, name: str, device: Device, known: str | None, now: int
    ) -> Admission | Throttled:
        """Count an attempt for this name, or say how long it has to wait.

        It comes before any look at the user, and is the same whether there is one. `name` is as
        typed, `known` what the device shows of an earlier login, `now` Unix seconds. Raises
        StoreUnavailable, Overloaded.
        """
        return await self.admit_asked(await self.recognise(name, device, known, now), now)

    async def recognise(self, name: str, device: Device, known: str | None, now: int) -> Asked:
        """Return who asks, as for `admit`; of a stranger no more is looked up than `admit` does."""
        asked = self.names.ask(name, device.address, known)
        if self._find_belief(asked, now) is not None:
            return asked
        return await self._recognition.recognise(asked, now)

    async def admit_asked(self, asked: Asked, now: int) -> Admission | Throttled:
        """Count an attempt as `admit` does, of whom `recognise` has returned at this `now`."""
        belief = self._find_belief(asked, now)
        if belief is not None:
            return self._refuse(belief.kind, belief.until, now)
        if asked.known is None:
            asked = await self._recognition.look(asked, now)
        store, answer = await self._ask(asked, now)
        if isinstance(answer, Blocked):
            kind = answer.key.partition(":")[0]
            self._beliefs.keep(asked.key, _Belief(kind, answer.until), now)
            return self._refuse(kind, answer.until, now)
        return Admission(store, answer, asked, asked.device or draw_device(), now)

    async def forgive(self, admission: Admission) -> None:
        """Take an attempt back whose password was right, or that was not looked at at all.

        Raises StoreUnavailable.
        """
        await self._settle(admission, admission.store.forgive(admission.counted))

    @asynccontextmanager
    async def forgiving_outages(self, admission: Admission) -> AsyncIterator[None]:
        """Where an attempt cannot be answered, let it count for nothing, if that can be written.

        An outage slows nobody who is right.
        """
        try:
            yield
        except Unavailable:
            with suppress(Unavailable):
                await self.forgive(admission)
            raise

    async def welcome(
        self, admission: Admission, user_id: str, epoch: tuple[int, int], *, remembers: bool
    ) -> None:
        """Take an attempt back with which this user has proved all that is asked of them.

        The login counts in itself, and from where it came is known from here on, unless an epoch
        has moved. `remembers` says that the device is given what it shows. Raises StoreUnavailable.
        """
        counted, asked, now = admission.counted, admission.asked, admission.at
        await self._settle(admission, admission.store.welcome(counted, asked.logins, now))
        places = {*asked.places, admission.device} if remembers else asked.places
        if places:
            await self._marks.put_marks(user_id, epoch, sorted(places), now)
            self._recognition.welcome(asked)

    async def _settle(self, admission: Admission, settling: Awaitable[None]) -> None:
        """Wait for this; what the shared store does not take stays counted: nobody gains by it."""
        try:
            await settling
        except StoreUnavailable as error:
            if admission.store is not self._shared:
                raise
            self._note_away(admission.at, error)

    async def _ask(self, asked: Asked, now: int) -> tuple[ThrottleStore, Counted | Blocked]:
        buckets = asked.buckets
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
        if asked.has_known_device:
            return self._store, await self._store.admit(buckets, now)
        async with self._pace.turn():
            return self._store, await self._store.admit(buckets, now)

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

    def _find_belief(self, asked: Asked, now: int) -> _Belief | None:
        belief = self._beliefs.find(asked.key, now)
        return belief if belief is not None and belief.until > now else None
