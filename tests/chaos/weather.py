"""What is disturbed when, as far as the model has to know it."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Final

MAX_STALENESS: Final = 4.0  # seconds; the age from which on a view decides about no token
BOUND: Final = 1.0  # seconds from an acknowledgement to refusal everywhere, by SQL
# Seconds until what was disturbed does its work again: connections are made anew, a feed that was
# told of a failure looks again.
RECOVERY: Final = 2.0
# Seconds behind the last disturbance after which a request that failed can no longer be carried
# out: a statement waits 4 s for PostgreSQL.
STRAGGLING: Final = 6.0
# Seconds by which a view may reach its greatest age earlier than the fault alone says: as the
# database goes away it may be as old as BOUND, and its last read was under way for a while.
EARLY: Final = BOUND + 0.5

GATEWAY: Final = "gateway"
POSTGRES: Final = "postgres"
REDIS: Final = "redis"


@dataclass(slots=True)
class Disturbance:
    """A fault on a target; monotonic seconds."""

    target: str
    what: str
    began: float
    ended: float = inf

    def __str__(self) -> str:
        """Say it in a line of the report."""
        until = "now" if self.ended == inf else f"{self.ended:.2f}"
        return f"{self.target}: {self.what}, {self.began:.2f} to {until}"


@dataclass(slots=True)
class Weather:
    """All disturbances, in the order of their beginning."""

    replicas: Sequence[str]
    past: list[Disturbance] = field(default_factory=list)

    @contextmanager
    def disturbing(self, target: str, what: str) -> Iterator[None]:
        """Note that something is disturbed for the length of the block."""
        disturbance = Disturbance(target, what, time.monotonic())
        self.past.append(disturbance)
        try:
            yield
        finally:
            disturbance.ended = time.monotonic()

    def count(self) -> Counter[str]:
        """Return how often each fault was there."""
        return Counter(each.what for each in self.past)

    def around(self, since: float, until: float) -> list[Disturbance]:
        """Return what was disturbed in a while."""
        return [each for each in self.past if each.began <= until and each.ended >= since]

    def is_calm(self, since: float, until: float) -> bool:
        """Say whether nothing at all was disturbed, or recovered, in a while."""
        return not self.around(since - RECOVERY, until)

    def find_due(self, place: str, since: float) -> float:
        """Return from when on a place refuses what was acknowledged at this second.

        That is BOUND later. Where the place itself or the database was disturbed meanwhile, it is
        BOUND behind its recovery, but not later than the view may be old: a view that was read
        behind the acknowledgement holds it, and an older one decides about nothing. That holds for
        what Redis did not take, too: a replica that hears Redis well knows whose words it lacks.
        """
        if place == GATEWAY:
            return max(self.find_due(replica, since) for replica in self.replicas)
        due = since + BOUND
        for each in self.past:
            if each.target in {place, POSTGRES} and each.began <= due and each.ended >= since:
                due = max(due, each.ended + RECOVERY + BOUND)
        return min(due, since + MAX_STALENESS)

    def explains_silence(self, place: str, since: float, until: float) -> bool:
        """Say whether a place may have come to no verdict in a while."""
        # A replica that was paused has read nothing meanwhile either.
        for replica in self.replicas if place == GATEWAY else (place,):
            for began, ended in self._times_without({POSTGRES, replica}):
                if began + MAX_STALENESS - EARLY <= until and since <= ended:
                    return True
        silent = {GATEWAY, *self.replicas} if place == GATEWAY else {place}
        return any(b <= until and since <= e for b, e in self._times_without(silent))

    def find_end_of_stragglers(self, place: str, failed: float) -> float:
        """Return from when on a request that failed at this second can no longer take effect."""
        calm = failed
        for each in self.past:
            if each.target in {place, POSTGRES} and each.began <= calm + STRAGGLING:
                calm = max(calm, each.ended)
        return calm + STRAGGLING

    def _times_without(self, targets: set[str]) -> list[tuple[float, float]]:
        """Return when one of these did not work, recovery included; what overlaps is one."""
        merged: list[tuple[float, float]] = []
        for each in self.past:
            if each.target not in targets:
                continue
            ended = each.ended + RECOVERY
            if merged and each.began <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], ended))
            else:
                merged.append((each.began, ended))
        return merged
