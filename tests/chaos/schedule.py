"""Which fault comes when: drawn from the seed before anything starts, whatever then takes how long.

Each target has its own column of faults, so that one that took longer than was drawn delays only
what is still to come for the same target.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REPLICAS: Final = 3
CALM_START: Final = 3.0  # seconds in which people log in
CALM_END: Final = 8.0  # seconds before the end in which no fault begins: all must be well by then


class Fault(StrEnum):
    """What goes wrong."""

    REDIS_KILLED = "redis killed, back empty"
    REDIS_RESTARTED = "redis restarted empty"
    REDIS_FROZEN = "redis frozen"
    REDIS_FLUSHED = "redis flushed"
    REDIS_TRIMMED = "redis stream trimmed"
    REDIS_FULL = "redis full"
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
    Fault.REDIS_TRIMMED: (0.0, 0.0),
    Fault.REDIS_FULL: (0.5, 3.0),
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

# The faults of a target, and the seconds from the end of one to the next, at the least and most.
Columns = Mapping[str, tuple[Mapping[Fault, tuple[float, float]], tuple[float, float]]]
COLUMNS: Final[Columns] = {
    "redis": (REDIS_FAULTS, (1.0, 6.0)),
    "postgres": (POSTGRES_FAULTS, (6.0, 18.0)),
    "gateway": (GATEWAY_FAULTS, (5.0, 15.0)),
    "replica": (REPLICA_FAULTS, (3.0, 9.0)),
}


def draw_schedule(seed: int, seconds: float) -> Sequence[Planned]:
    """Return the faults of a run of this length, in the order of their beginning."""
    planned: list[Planned] = []
    for target, (faults, (shortest, longest)) in COLUMNS.items():
        # Of strings, as of bytes, the seed is the same in every process.
        rng = random.Random(f"{seed} {target}")  # noqa: S311 - no secret
        deck: list[Fault] = []
        at = CALM_START + rng.uniform(0, longest - shortest)
        while at < seconds - CALM_END:
            if not deck:  # each comes before any comes again
                deck = rng.sample(sorted(faults), len(faults))
            fault = deck.pop()
            lasts = round(rng.uniform(*faults[fault]), 2)
            on = f"replica {rng.randrange(REPLICAS)}" if target == "replica" else target
            planned.append(Planned(round(at, 2), fault, lasts, on))
            at += lasts + rng.uniform(shortest, longest)
    return sorted(planned, key=lambda each: (each.at, each.target))
