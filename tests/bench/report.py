"""What a run says: a table for people, JSON for programs, and whether the limits held."""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from tests.bench.hearing import Heard
from tests.bench.measure import Spread
from tests.bench.people import Listed
from tests.bench.revocations import Crowded
from tests.bench.servers import Cores
from tests.bench.sessions import PURGE, Stored

MOST_RATIO: Final = 2.0  # CPU of a warm decision over that of a bare handler
MOST_RULES_RATIO: Final = 1.2  # CPU of a decision by 10 000 rules over that by 10
MOST_LOADING: Final = 2.0  # seconds of CPU to read and judge 10 000 rules
MOST_TURN: Final = 5.0  # milliseconds that the loop is held while 10 000 rules are read anew
MOST_COLD_PATH: Final = 15.0  # microseconds for the canonical reading of a path that is new
MOST_GROWTH: Final = 1.5  # SQL of a login, refresh or list with many sessions over that with few
# As above. Among few sessions those that end share pages, and SQLite keeps all pages at hand; among
# many each has pages of its own. Beyond that it does not grow.
MOST_PURGE_GROWTH: Final = 4.0
MOST_LOCK: Final = 50.0  # milliseconds that a batch of a purge holds the write lock
MOST_QUESTION: Final = 50.0  # milliseconds to list or find people among very many
MOST_FLOOD: Final = 1.25  # rate of decisions alone over that during a flood of logins
MOST_OCTETS: Final = 200.0  # of memory for each of very many revocations
MOST_VIEW_RATIO: Final = 1.1  # CPU of a decision by very many revocations over that by none
MOST_HEARD: Final = 1000.0  # milliseconds until another process refuses what was revoked
MOST_STATEMENTS: Final = 2  # of SQL, for a refresh
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
    seconds of CPU, `turn` milliseconds of it, `ready` seconds, memory MB. `sessions` has the
    figures of each database, `people` those of finding people, `flood` is a ratio of rates, `crowd`
    has the figures of very many revocations, `heard` those of hearing of one, and `statements`
    counts those of SQL for a refresh.
    """

    cores: Cores
    rows: dict[str, Spread]
    ratio: Spread
    rules_ratio: Spread
    loading: float
    turn: float
    cold_path: float
    sessions: dict[str, Stored]
    people: dict[str, Listed]
    flood: Spread
    crowd: Crowded
    heard: dict[str, Heard]
    statements: int
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
            *(limit for name, each in self.sessions.items() for limit in _limits_of(name, each)),
            *(
                Limit(f"{question} in {name}", each.median, MOST_QUESTION, "ms")
                for name, listed in self.people.items()
                for question, each in listed.questions.items()
            ),
            Limit("rate alone / during a flood", self.flood.median, MOST_FLOOD, ""),
            *_limits_of_crowd(self.crowd),
            *(
                Limit(f"refused elsewhere, {name}, p99", each.p99, MOST_HEARD, "ms")
                for name, each in self.heard.items()
            ),
            Limit("statements of a refresh", self.statements, MOST_STATEMENTS, ""),
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
        for name, stored in self.sessions.items():
            yield ""
            title = f"{stored.sessions} sessions in {name}, ms"
            yield f"{title:<38}{'few':>8}{'many':>8}{'ratio':>8}"
            for use_case, growth in stored.growth.items():
                few, many = growth.few.median, growth.many.median
                yield f"{use_case:<38}{few:>8.2f}{many:>8.2f}{growth.ratio.median:>8.2f}"
        yield ""
        crowd = f"{self.crowd.revocations} revocations"
        yield f"{f'{crowd}: seconds to load':<38}{self.crowd.loading:>8.2f}"
        yield f"{f'{crowd}: a decision, µs':<38}{self.crowd.deciding:>8.2f}"
        yield f"{'behind a new one, by many / by none':<38}{self.crowd.anew.median:>8.2f}"
        for name, heard in self.heard.items():
            yield f"{f'refused elsewhere, {name}, median, ms':<38}{heard.median:>8.2f}"
        yield f"{'memory after the load, MB':<38}{self.resident_loaded:>8.2f}"
        for limit in self.limits:
            name = f"{limit.name}, {limit.unit}" if limit.unit else limit.name
            verdict = "holds" if limit.holds else "TOO MUCH"
            yield f"{name:<38}{limit.figure:>8.2f}  at most {limit.most:g}: {verdict}"
        if self.cores.servers == self.cores.load:
            yield "servers and load shared one core: the machine has no other"


def _limits_of(name: str, stored: Stored) -> Iterator[Limit]:
    """Yield what must hold of a database."""
    for use_case, growth in stored.growth.items():
        most = MOST_PURGE_GROWTH if use_case == PURGE else MOST_GROWTH
        yield Limit(f"{use_case}, many / few in {name}", growth.ratio.median, most, "")
    yield Limit(f"longest lock in {name}", stored.longest_lock, MOST_LOCK, "ms")


def _limits_of_crowd(crowd: Crowded) -> Iterator[Limit]:
    """Yield what must hold of very many revocations."""
    yield Limit("a revocation in memory", crowd.octets, MOST_OCTETS, "octets")
    yield Limit(
        f"decision by {crowd.revocations} / by none", crowd.ratio.median, MOST_VIEW_RATIO, ""
    )
    yield Limit("turn while they come and go", crowd.turn, MOST_TURN, "ms")
