"""What the stores of attempts are held against: the same arithmetic, in one dictionary."""

from collections.abc import Collection, Sequence

from sidecar.core.throttle import (
    MARK_TTL,
    Blocked,
    Bucket,
    Delay,
    Tally,
    Window,
    count,
    find_block,
)
from sidecar.ports.throttle import Counted, ThrottleStore
from tests.contracts.sql_stores import NOW

DELAY = Delay(free=3, first=1, longest=10, quiet=60)
ALICE, EVE = Bucket("user:alice", DELAY), Bucket("user:eve", DELAY)
SERVICE = Bucket("service", Delay(free=5, first=1, longest=4, quiet=30))
HOME = Bucket("known:alice:home", DELAY)
LOGINS = Bucket("logins:alice", Window(most=2, length=60))


class MemoryThrottle:
    """The port ThrottleStore, for one process that forgets all at its end."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}

    async def admit(self, buckets: Sequence[Bucket], now: int) -> Counted | Blocked:
        blocked = find_block(buckets, self._tallies, now)
        if blocked is not None:
            return blocked
        counted = []
        for bucket in buckets:
            if isinstance(bucket.limit, Delay):
                tally = count(bucket.limit, self._tallies.get(bucket.key), now)
                self._tallies[bucket.key] = tally
                counted.append((bucket.key, tally.since))
        return Counted(tuple(counted))

    async def forgive(self, counted: Counted) -> None:
        for key, since in counted.tallies:
            tally = self._tallies[key]
            if tally.since == since and tally.count:
                self._tallies[key] = Tally(tally.count - 1, since, tally.last)

    async def welcome(self, counted: Counted, logins: Bucket, now: int) -> None:
        await self.forgive(counted)
        self._tallies[logins.key] = count(logins.limit, self._tallies.get(logins.key), now)

    async def list_tallies(self) -> Sequence[tuple[str, Tally]]:
        found = [(key, tally) for key, tally in self._tallies.items() if tally.count]
        return sorted(found, key=lambda each: (-each[1].count, each[0]))


class MemoryMarks:
    """The port MarkStore for users whose id is their name, and whose epoch is 0."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], int] = {}

    async def find_marks(self, username: str, places: Collection[str], now: int) -> Collection[str]:
        return [each for each in places if self._marks.get((username, each), 0) > now]

    async def put_marks(
        self, user_id: str, epoch: tuple[int, int], places: Sequence[str], now: int
    ) -> None:
        assert epoch == (0, 0)
        self._marks |= {(user_id, place): now + MARK_TTL for place in places}


async def knock(
    store: ThrottleStore, *buckets: Bucket, now: int = NOW, times: int = 1
) -> Counted | Blocked:
    """Try so often; return the last answer."""
    for _ in range(times - 1):
        await store.admit(buckets, now)
    return await store.admit(buckets, now)
