"""What a run says: a table for people, JSON for programs, and whether the limits held.

The JSON has the members `python`, `cores`, `limits` (name, figure, most, unit, holds) and `parts`:
each part's own figures by its name, a spread as `{"median", "least", "most"}`.
"""

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass
from typing import Any, ClassVar, Final, Protocol

from tests.bench.measure import Spread
from tests.bench.servers import Cores

MOST_BY_BARE: Final = 0.6  # CPU of a warm decision over that of a bare handler
MOST_BY_CONSTANT: Final = 3.0  # as above, over that of a protocol that writes as many octets
MOST_COOKIE: Final = 1.1  # CPU of a decision by session cookie over that by token
MOST_VERIFICATIONS: Final = 1.5  # bare verifications of RS256 that a cold token may cost
MOST_BESIDE: Final = 60.0  # microseconds of CPU that it may cost besides
MOST_REFUSAL: Final = 1.0  # CPU of the refusal of a bad token over that of a cold one
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
MOST_P99: Final = 5.0  # milliseconds of an answer during a flood, 99 of 100
MOST_ADDED: Final = 5.0  # milliseconds more, 99.9 of 100, while a policy or revocations are read
MOST_BEHIND: Final = 1 / 0.9  # rate of a gateway by an empty 200 over that by the service
MOST_OCTETS: Final = 200.0  # of memory for each of very many revocations
MOST_VIEW_RATIO: Final = 1.1  # CPU of a decision by very many revocations over that by none
MOST_HEARD: Final = 1000.0  # milliseconds until another process refuses what was revoked
MOST_STATEMENTS: Final = 2  # of SQL, for a refresh
MOST_READY: Final = 1.0  # seconds
MOST_RESIDENT: Final = 90.0  # MB at rest
MOST_LOADED: Final = 150.0  # MB after 100 000 different tokens
MOST_GROWN: Final = 3.0  # MB that bad tokens add, once a tenth of them has been shown

WIDTH: Final = 52  # of a name in the table


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure and the most that it may be."""

    name: str
    figure: float
    most: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Say whether the figure is within the limit."""
        return self.figure <= self.most


class Part(Protocol):
    """What one part of the bench found out: a dataclass, whose members are its part of the JSON."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table that are no limits, none where there are none."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run, by the name of each part."""

    cores: Cores
    parts: Mapping[str, Part]

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What must hold."""
        return tuple(limit for part in self.parts.values() for limit in part.limits())

    @property
    def holds(self) -> bool:
        """Say whether every limit holds."""
        return all(limit.holds for limit in self.limits)

    def to_json(self) -> str:
        """Return the figures for programs."""
        members = {
            "python": platform.python_version(),
            "cores": asdict(self.cores),
            "parts": {name: asdict(part) for name, part in self.parts.items()},
            "limits": [asdict(limit) | {"holds": limit.holds} for limit in self.limits],
        }
        return json.dumps(members, indent=2) + "\n"

    def to_table(self) -> Iterator[str]:
        """Yield the lines for people."""
        for part in self.parts.values():
            lines = tuple(part.lines())
            yield from lines
            if lines:
                yield ""
        for limit in self.limits:
            name = f"{limit.name}, {limit.unit}" if limit.unit else limit.name
            verdict = "holds" if limit.holds else "TOO MUCH"
            yield f"{line(name, limit.figure)}  at most {limit.most:.4g}: {verdict}"
        if self.cores.servers == self.cores.load:
            yield "servers and load shared one core: the machine has no other"


def title(name: str, *columns: str) -> str:
    """Return the line above others."""
    return f"{name:<{WIDTH}}" + "".join(f"{column:>9}" for column in columns)


def line(name: str, *figures: float) -> str:
    """Return one line of the table."""
    return f"{name:<{WIDTH}}" + "".join(f"{figure:>9.2f}" for figure in figures)


def spread_lines(name: str, rows: Mapping[str, Spread]) -> Iterator[str]:
    """Yield the lines of rows with their spreads."""
    yield title(name, "median", "least", "most")
    for row, each in rows.items():
        yield line(row, each.median, each.least, each.most)
