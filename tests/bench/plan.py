"""How long a run takes, and what each of its parts is handed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.servers import Cores


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    `starts` of the service before the one whose memory is looked at. In each of the `rounds` every
    row has so many `seconds`, or fewer where it has been answered `most` requests; `cold` tokens
    are new to the service. `tokens` are remembered by it. Its memory is looked at after so many
    `valid` ones, and after so many `bad` ones. The databases of the parts about SQL have so many
    `sessions`, or so many `people`. The view has so many `revocations`, and another process hears
    of so many as are `told`.
    """

    starts: int = 3
    rounds: int = 5
    seconds: int = 2
    most: int | None = None
    tokens: int = 1000
    cold: int = 3000
    valid: int = 100_000
    bad: int = 1_000_000
    sessions: Mapping[str, int] = field(
        default_factory=lambda: {"SQLite": 100_000, "PostgreSQL": 1_000_000}
    )
    people: Mapping[str, int] = field(
        default_factory=lambda: {"SQLite": 100_000, "PostgreSQL": 1_000_000}
    )
    revocations: int = 1_000_000
    told: int = 300


FULL: Final = Plan()
SHORT: Final = Plan(
    starts=2,
    rounds=3,
    seconds=1,
    cold=1000,
    valid=20_000,
    bad=100_000,
    sessions={"SQLite": 10_000, "PostgreSQL": 100_000},
    people={"SQLite": 100_000, "PostgreSQL": 100_000},
    revocations=200_000,
    told=50,
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What each part is handed: `folder` is its own, `tell` hears what is being done."""

    plan: Plan
    cores: Cores
    folder: Path
    tell: Callable[[str], None]
