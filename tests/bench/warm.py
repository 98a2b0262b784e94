"""The row set that matters most: what a decision about a known token costs, beside the floors."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from tests.bench.load import Answer, LoadFailed, ask, write_requests
from tests.bench.measure import CONNECTIONS, Row, Server, Spread
from tests.bench.plan import Bench
from tests.bench.questions import PLAIN, Sealer, render_mixed
from tests.bench.report import (
    MOST_BY_BARE,
    MOST_BY_CONSTANT,
    MOST_COOKIE,
    Limit,
    line,
    spread_lines,
)
from tests.bench.rounds import Figures, measure_rounds, ratio
from tests.bench.servers import (
    Floor,
    Loop,
    make_measured_service,
    pinned,
    serving_floor,
    serving_measured,
)

CONSTANT: Final = "as many constant octets"
LOW_LEVEL: Final = "low-level aiohttp Server, empty 200"
BARE: Final = "bare aiohttp Application, empty 200"
ALONE: Final = "bare aiohttp Application, GET / alone"
WARM: Final = "warm token, by the lane"
COOKIE: Final = "warm session cookie, by the lane"
ORDINARY: Final = "warm token, the ordinary way"
ROWS: Final = (ALONE, LOW_LEVEL, CONSTANT, BARE, WARM, COOKIE, ORDINARY)
KEYS: Final = "keys"
IDENTITY: Final = (
    *("remote-user", "remote-name", "remote-email", "remote-groups"),
    *("x-auth-subject", "x-auth-scope", "x-auth-assertion"),
)


class Lane(Enum):
    """`server.lane`."""

    AUTO = "auto"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Warm:
    """Microseconds of CPU for a request, of each row by whose event loop it ran on.

    The ratios are of rows on uvloop, round by round. `octets` is how long an answer of ours was.
    """

    rows: Mapping[str, Mapping[str, Spread]]
    by_bare: Spread
    by_constant: Spread
    cookie: Spread
    octets: int

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit("warm token / bare Application", self.by_bare.median, MOST_BY_BARE)
        yield Limit(
            "warm token / as many constant octets", self.by_constant.median, MOST_BY_CONSTANT
        )
        yield Limit("session cookie / warm token", self.cookie.median, MOST_COOKIE)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        rows = {
            f"{name}, {loop}": each
            for name, loops in self.rows.items()
            for loop, each in loops.items()
        }
        yield from spread_lines("CPU of the server for one request, µs", rows)
        ratios = {
            "warm token / bare Application": self.by_bare,
            "warm token / as many constant octets": self.by_constant,
            "session cookie / warm token": self.cookie,
        }
        yield from spread_lines("ratios of rounds", ratios)
        yield line("octets of an answer of ours", self.octets)


async def measure_warm(bench: Bench) -> Warm:
    """Return the figures of all rows on both event loops. Raises LoadFailed."""
    async with AsyncExitStack() as stack:
        stack.enter_context(pinned(bench.cores.load))
        ours = {
            (loop, lane): await stack.enter_async_context(_serving(bench, loop, lane))
            for loop, lane in itertools.product(Loop, Lane)
        }
        sealer = Sealer.of(bench.folder / KEYS)
        people = range(bench.plan.tokens)
        token = list(render_mixed(map(sealer.bearer, people)))
        cookie = list(render_mixed(map(sealer.cookie, people)))
        octets = 0
        for server in ours.values():  # which also opens every token once
            octets = await look_at(server, token[: len(people)])
            await look_at(server, cookie[: len(people)])
        floors = {
            (loop, floor): await stack.enter_async_context(
                serving_floor(floor, bench.folder, bench.cores.servers, loop, octets)
            )
            for loop, floor in itertools.product(Loop, Floor)
        }
        make = _Maker(
            {
                ALONE: write_requests(bench.folder / "alone", [PLAIN]),
                COOKIE: write_requests(bench.folder / "cookie", cookie),
            },
            write_requests(bench.folder / "token", token),
            len(people),
        )
        rows = [
            row
            for loop in Loop
            for row in (
                make(ALONE, loop, floors[loop, Floor.APPLICATION]),
                make(LOW_LEVEL, loop, floors[loop, Floor.LOW_LEVEL]),
                make(CONSTANT, loop, floors[loop, Floor.CONSTANT]),
                make(BARE, loop, floors[loop, Floor.APPLICATION]),
                make(WARM, loop, ours[loop, Lane.AUTO]),
                make(COOKIE, loop, ours[loop, Lane.AUTO]),
                make(ORDINARY, loop, ours[loop, Lane.OFF]),
            )
        ]
        return _put_together(await measure_rounds(rows, bench), octets)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes rows: all are sent the `tokens`, but for those that are named.

    An assertion is handed out for half a minute. The rounds of one row are further apart than that,
    so before each all are sealed anew: that is not what a decision costs, nor how often it happens.
    """

    others: Mapping[str, Path]
    tokens: Path
    people: int

    def __call__(self, name: str, loop: Loop, server: Server) -> Row:
        file = self.others.get(name, self.tokens)
        return Row(_name(name, loop), server, lambda: file, first=self.people + CONNECTIONS)


def _name(row: str, loop: Loop) -> str:
    return f"{row}, {loop.value}"


def _put_together(figures: Figures, octets: int) -> Warm:
    rows = {
        name: {loop.value: Spread.of(figures[_name(name, loop)]) for loop in Loop} for name in ROWS
    }
    warm, cookie, bare, constant = (
        figures[_name(name, Loop.UVLOOP)] for name in (WARM, COOKIE, BARE, CONSTANT)
    )
    by_bare, by_constant = ratio(warm, bare), ratio(warm, constant)
    return Warm(rows, by_bare, by_constant, ratio(cookie, warm), octets)


@asynccontextmanager
async def _serving(bench: Bench, loop: Loop, lane: Lane) -> AsyncIterator[Server]:
    """Run the service; the first of all makes the keys."""
    folder = bench.folder / f"{lane.value}-{loop.value}"
    settings = {"server": {"lane": lane.value}}
    service = make_measured_service(folder, settings, keys=bench.folder / KEYS)
    async with serving_measured(service, bench.cores.servers, loop) as (server, _):
        async with ClientSession() as client, client.get(f"{service.operations}/metrics") as answer:
            is_there = "\nsidecar_lane 1" in await answer.text()
        if is_there is not (lane is Lane.AUTO):
            raise LoadFailed(f"server.lane is {lane.value}, and the lane is there: {is_there}")
        yield server


async def look_at(service: Server, requests: Sequence[bytes]) -> int:
    """Ask each question once, and return how many octets an answer has.

    Raises LoadFailed: a fast answer that is wrong is worth nothing.
    """
    answers = await ask(service.url, requests)
    for number, answer in enumerate(answers):
        _judge(answer, f"person{number}")
    return round(sum(answer.octets for answer in answers) / len(answers))


def _judge(answer: Answer, person: str) -> None:
    complete = all(answer.headers.get(name) for name in IDENTITY)
    if answer.status != 200 or not complete or answer.headers["remote-user"] != person:
        raise LoadFailed(f"{person} got {answer.status} with {sorted(answer.headers)}")
