"""Which fault comes when: drawn from the seed before anything starts, whatever then takes how long.

Each target has its own column of faults, so that one that took longer than was drawn delays only
what is still to come for the same target.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REPLICAS: Final = 3
CALM_START: Final = 3.0  # seconds in which people log in
CALM_END: Final = 8.0  # seconds before the end in which no fault begins: all must be well by then
ROUND: Final = 60 - CALM_START - CALM_END  # seconds in which every fault comes: a minute has all


class Fault(StrEnum):
    """What goes wrong."""

    REDIS_KILLED = "redis killed, back empty"
    REDIS_RESTARTED = "redis restarted empty"
    REDIS_FROZEN = "redis frozen"
    REDIS_FLUSHED = "redis flushed"
    REDIS_TRIMMED = "redis stream trimmed"
    REDIS_FULL = "redis full"
    REDIS_EVICTING = "redis evicting"
    REDIS_LOCKED = "redis with another password"
    REDIS_SLOW = "redis too slow"
    REDIS_SLOWISH = "redis slow, in time"
    REDIS_CUT = "redis cut in the middle of a reply"
    POSTGRES_FROZEN = "postgresql frozen"
    POSTGRES_RESTARTED = "postgresql restarted"
    POSTGRES_CRASHED = "postgresql crashed"
    REPLICA_KILLED = "replica killed"
    REPLICA_ENDED = "replica ended"
    REPLICA_PAUSED = "replica paused"
    GATEWAY_RELOADED = "gateway reloaded"


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault: seconds from the start, what, for how many seconds where it lasts, on which target.

    Targets are `redis`, `postgres`, `gateway`, and `replica 0` to `replica 2`.
    """

    at: float
    fault: Fault
    lasts: float
    target: str

    def __str__(self) -> str:
        """Say it in a line of the report."""
        return f"{self.at:6.2f} s {self.target}: {self.fault} for {self.lasts:.2f} s"


# The fault, and the shortest and longest time that it lasts. Both sides of every timeout are in it:
# reads of Redis 1.5 s, statements of PostgreSQL 4 s, the oldest view that decides MAX_STALENESS.
REDIS_FAULTS: Final = {
    Fault.REDIS_KILLED: (0.2, 4.0),
    Fault.REDIS_RESTARTED: (0.0, 0.0),
    Fault.REDIS_FROZEN: (0.2, 4.0),
    Fault.REDIS_FLUSHED: (0.0, 0.0),
    Fault.REDIS_TRIMMED: (0.1, 1.0),
    Fault.REDIS_FULL: (0.5, 3.0),
    Fault.REDIS_EVICTING: (0.5, 3.0),
    Fault.REDIS_LOCKED: (0.2, 3.0),
    Fault.REDIS_SLOW: (0.5, 4.0),
    Fault.REDIS_SLOWISH: (0.5, 3.0),
    Fault.REDIS_CUT: (0.2, 3.0),
}
POSTGRES_FAULTS: Final = {
    Fault.POSTGRES_FROZEN: (0.5, 7.0),
    Fault.POSTGRES_RESTARTED: (0.0, 0.0),
    Fault.POSTGRES_CRASHED: (0.0, 0.0),
}
REPLICA_FAULTS: Final = {
    Fault.REPLICA_KILLED: (0.2, 2.0),
    Fault.REPLICA_ENDED: (0.0, 1.0),
    Fault.REPLICA_PAUSED: (0.5, 6.0),
}
GATEWAY_FAULTS: Final = {Fault.GATEWAY_RELOADED: (0.0, 0.0)}


@dataclass(frozen=True, slots=True)
class Column:
    """The faults of a target: so many `decks` of each in a round, at least `apart` seconds apart.

    All of them at their longest must leave that much of a round.
    """

    faults: Mapping[Fault, tuple[float, float]]
    decks: int
    apart: float


COLUMNS: Final = {
    "redis": Column(REDIS_FAULTS, 1, 1.0),
    "postgres": Column(POSTGRES_FAULTS, 1, 6.0),
    "gateway": Column(GATEWAY_FAULTS, 4, 5.0),
    "replica": Column(REPLICA_FAULTS, 2, 3.0),
}


def draw_schedule(seed: int, seconds: float) -> Sequence[Planned]:
    """Return the faults of a run of this length, in the order of their beginning."""
    planned: list[Planned] = []
    for target, column in COLUMNS.items():
        # Of strings, as of bytes, the seed is the same in every process.
        rng = random.Random(f"{seed} {target}")  # noqa: S311 - no secret
        began = CALM_START
        while began < seconds - CALM_END:
            planned += _draw_round(rng, target, column, began)
            began += ROUND
    planned = [each for each in planned if each.at < seconds - CALM_END]
    return sorted(planned, key=lambda each: (each.at, each.target))


def _draw_round(rng: random.Random, target: str, column: Column, began: float) -> Iterator[Planned]:
    """Yield every fault of a target, in any order, all of them over within a round."""
    deck = [
        (fault, round(rng.uniform(*column.faults[fault]), 2))
        for _ in range(column.decks)  # each comes before any comes again
        for fault in rng.sample(sorted(column.faults), len(column.faults))
    ]
    free = ROUND - sum(lasts for _, lasts in deck) - column.apart * len(deck)
    shares = [rng.random() for _ in (*deck, "behind the last")]
    at = began
    for (fault, lasts), share in zip(deck, shares, strict=False):
        at += column.apart + free * share / sum(shares)
        on = f"{target} {rng.randrange(REPLICAS)}" if target == "replica" else target
        yield Planned(round(at, 2), fault, lasts, on)
        at += lasts
