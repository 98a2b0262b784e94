"""What a run says: a table for people, JSON for programs, and whether the limits held."""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from tests.bench.measure import Spread
from tests.bench.servers import Cores

MOST_RATIO: Final = 2.0  # CPU of a warm decision over that of a bare handler
MOST_RULES_RATIO: Final = 1.2  # CPU of a decision by 10 000 rules over that by 10
MOST_LOADING: Final = 2.0  # seconds of CPU to read and judge 10 000 rules
MOST_TURN: Final = 5.0  # milliseconds that the loop is held while 10 000 rules are read anew
MOST_COLD_PATH: Final = 15.0  # microseconds for the canonical reading of a path that is new
MOST_READY: Final = 1.0  # seconds
MOST_RESIDENT: Final = 90.0  # MB


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure and the most that it may be."""

    name: str
    figure: float
    most: float
    unit: str

    @property
    def holds(self) -> bool:
        """Say whether the figure is within the limit."""
        return self.figure <= self.most


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run.

    `rows` and `cold_path` are microseconds of CPU, ratios are taken round by round; `loading` is
    seconds of CPU, `turn` milliseconds of it, `ready` seconds, memory MB.
    """

    cores: Cores
    rows: dict[str, Spread]
    ratio: Spread
    rules_ratio: Spread
    loading: float
    turn: float
    cold_path: float
    ready: float
    resident: float
    resident_loaded: float

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What must hold."""
        return (
            Limit("warm token / bare handler", self.ratio.median, MOST_RATIO, ""),
            Limit("10 000 rules / 10 rules", self.rules_ratio.median, MOST_RULES_RATIO, ""),
            Limit("loading 10 000 rules", self.loading, MOST_LOADING, "s"),
            Limit("turn while they are read", self.turn, MOST_TURN, "ms"),
            Limit("reading a new path", self.cold_path, MOST_COLD_PATH, "µs"),
            Limit("ready after", self.ready, MOST_READY, "s"),
            Limit("memory at rest", self.resident, MOST_RESIDENT, "MB"),
        )

    @property
    def holds(self) -> bool:
        """Say whether every limit holds."""
        return all(limit.holds for limit in self.limits)

    def to_json(self) -> str:
        """Return the figures for programs."""
        members = asdict(self)
        members["limits"] = [asdict(limit) | {"holds": limit.holds} for limit in self.limits]
        members["python"] = platform.python_version()
        return json.dumps(members, indent=2) + "\n"

    def to_table(self) -> Iterator[str]:
        """Yield the lines for people."""
        yield f"{'CPU of the server for one request, µs':<38}{'median':>8}{'least':>8}{'most':>8}"
        ratios = {
            "warm token / bare handler": self.ratio,
            "10 000 rules / 10 rules": self.rules_ratio,
        }
        for name, each in (self.rows | ratios).items():
            yield f"{name:<38}{each.median:>8.2f}{each.least:>8.2f}{each.most:>8.2f}"
        yield ""
        yield f"{'memory after the load, MB':<38}{self.resident_loaded:>8.2f}"
        for limit in self.limits:
            name = f"{limit.name}, {limit.unit}" if limit.unit else limit.name
            verdict = "holds" if limit.holds else "TOO MUCH"
            yield f"{name:<38}{limit.figure:>8.2f}  at most {limit.most:g}: {verdict}"
        if self.cores.servers == self.cores.load:
            yield "servers and load shared one core: the machine has no other"
