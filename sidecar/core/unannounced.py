"""What this process has written and not announced yet, and up to when nothing is left of that.

The others have to know it while SQL is away: what they hear from Redis leaves out whatever waits
here. So each process vouches for a moment, again and again: what it acknowledged until then has
been announced. Moments are ticks, counted by Redis itself, for a message that was held up on its
way must not vouch for the moment at which it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

MOST_KEPT: Final = 10_000  # entries, some 3 MB; what is beyond them waits in SQL alone


class Tick(NamedTuple):
    """A moment of Redis: the `number` only grows in a `life`, which ends where it is emptied."""

    life: str
    number: int


@dataclass(slots=True)
class _Batch(Generic[T]):
    items: tuple[T, ...]
    since: Tick | None  # the last tick that was known as it was begun; None: of no use any more
    failed: bool = False


class Unannounced(Generic[T]):
    """Batches that are under way or have failed, oldest first.

    Those that fail while MOST_KEPT are kept are counted in `dropped`; nothing is vouched for behind
    them until SQL has had all of it announced.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.dropped = 0
        self._most = most
        self._kept = 0
        self._last = 0
        self._batches: dict[int, _Batch[T]] = {}
        self._tick: Tick | None = None
        self._dropped_since: Tick | None = None

    def __len__(self) -> int:
        return len(self._batches) + self.dropped

    def learn(self, tick: Tick) -> None:
        """Take note of the tick that Redis says now."""
        before, self._tick = self._tick, tick
        if before is not None and (tick.life != before.life or tick.number < before.number):
            # Another Redis, or one that went back: it will count to the same numbers once more.
            self._dropped_since = None
            for batch in self._batches.values():
                batch.since = None

    def begin(self, items: Sequence[T]) -> int:
        """Note what has just been committed, before anybody learns of it; return its number."""
        self._last += 1
        self._batches[self._last] = _Batch(tuple(items), self._tick)
        return self._last

    def end(self, number: int) -> None:
        """Forget a batch: it has been announced."""
        batch = self._batches.pop(number, None)
        if batch is not None and batch.failed:
            self._kept -= len(batch.items)

    def fail(self, number: int) -> None:
        """Keep a batch for another try, as far as there is room."""
        batch = self._batches[number]
        if self._kept + len(batch.items) <= self._most:
            batch.failed = True
            self._kept += len(batch.items)
            return
        del self._batches[number]
        if not self.dropped or batch.since is None:
            self._dropped_since = batch.since
        elif self._dropped_since is not None:
            self._dropped_since = min(self._dropped_since, batch.since)
        self.dropped += 1

    def list_failed(self, most: int) -> list[tuple[int, tuple[T, ...]]]:
        """Return numbers and items of what has failed, `most` items of it or one batch."""
        found: list[tuple[int, tuple[T, ...]]] = []
        for number, batch in self._batches.items():
            if not batch.failed:
                continue
            most -= len(batch.items)
            if found and most < 0:
                break
            found.append((number, batch.items))
        return found

    def recover(self, dropped: int) -> None:
        """Forget what was dropped, all of it announced from SQL, unless there is more by now."""
        if dropped == self.dropped:
            self.dropped, self._dropped_since = 0, None

    def vouch(self) -> Tick | None:
        """Return the tick until which all that was acknowledged has been announced."""
        ticks = [batch.since for batch in self._batches.values()][:1]  # they only grow
        if self.dropped:
            ticks.append(self._dropped_since)
        if None in ticks:
            return None
        return min((tick for tick in ticks if tick is not None), default=self._tick)
