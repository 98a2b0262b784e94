"""One run: start both servers, look at the answers, then measure every row in every round."""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.flood import measure_flood
from tests.bench.hearing import measure_hearing
from tests.bench.load import LoadFailed, ask, write_requests
from tests.bench.measure import Row, Server, Spread, measure, resident_mb
from tests.bench.people import measure_people
from tests.bench.questions import (
    PEOPLE,
    PLAIN,
    Sealer,
    render_each,
    render_mixed,
    render_nobody,
)
from tests.bench.report import Report
from tests.bench.revocations import measure_crowd
from tests.bench.rules import (
    FEW,
    MANY,
    make_ruled_service,
    render_hosts,
    time_cold_path,
    time_loading,
    time_turns,
)
from tests.bench.servers import (
    Cores,
    make_measured_service,
    pinned,
    serving_bare,
    serving_measured,
)
from tests.bench.sessions import measure_databases
from tests.bench.statements import count_statements

BARE: Final = "bare handler, the same requests"
WARM: Final = "warm token"
IDENTITY: Final = (
    *("remote-user", "remote-name", "remote-email", "remote-groups"),
    *("x-auth-subject", "x-auth-scope", "x-auth-assertion"),
)
COLD_CONNECTIONS: Final = 8  # few, because what is under way at the end is not counted


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes: `starts` of the service before the one that is measured, and `rounds`.

    Each round has `seconds` for each row, and `cold` tokens that nobody has seen before. The
    databases of the rows about SQL have so many `sessions`, or so many `people`. The view has so
    many `revocations`, and another process hears of so many as are `told`.
    """

    starts: int = 3
    rounds: int = 5
    seconds: int = 3
    cold: int = 3000
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
    sessions={"SQLite": 10_000, "PostgreSQL": 100_000},
    people={"SQLite": 100_000, "PostgreSQL": 100_000},
    revocations=200_000,
    told=50,
)


async def run(plan: Plan, tell: Callable[[str], None]) -> Report:
    """Measure; `tell` hears what is being done. Raises LoadFailed."""
    cores = Cores.choose()
    with (
        tempfile.TemporaryDirectory(prefix="sidecar-bench-") as name,
        pinned(cores.load),
    ):
        folder = Path(name)
        service = make_measured_service(folder)
        tell("starting")
        ruled = {name: make_ruled_service(folder, name, folder / "keys") for name in (FEW, MANY)}
        starts = []
        for _ in range(plan.starts):
            async with serving_measured(service, cores.servers) as (_, ready_after):
                starts.append(ready_after)
        async with (
            serving_bare(folder, cores.servers) as bare,
            serving_measured(service, cores.servers) as (server, ready_after),
        ):
            starts.append(ready_after)
            at_rest = resident_mb(server.pid)
            rows = await _make_rows(folder, bare, server, plan)
            figures = await _measure_rounds(rows, plan, tell)
            loaded = resident_mb(server.pid)
            tell("a flood of logins")
            warm = next(row for row in rows if row.name == WARM).requests()
            flood = await measure_flood(server, warm, plan.rounds, plan.seconds)
        # Apart: what else runs on a core shows in its caches.
        async with (
            serving_measured(ruled[FEW], cores.servers) as (few, _),
            serving_measured(ruled[MANY], cores.servers) as (many, _),
        ):
            rows = _make_ruled_rows(folder, {FEW: few, MANY: many})
            figures |= await _measure_rounds(rows, plan, tell)
        turn = await time_turns(folder)
    sessions = await measure_databases(plan.sessions, plan.rounds, tell)
    people = await measure_people(plan.people, plan.rounds, tell)
    tell(f"{plan.revocations} revocations")
    crowd = await measure_crowd(plan.revocations)
    heard = await measure_hearing(plan.told)
    return Report(
        cores=cores,
        rows={name: Spread.of(each) for name, each in figures.items()},
        ratio=_ratio(figures[WARM], figures[BARE]),
        rules_ratio=_ratio(figures[MANY], figures[FEW]),
        loading=time_loading(),
        turn=turn,
        cold_path=time_cold_path(),
        sessions=sessions,
        people=people,
        flood=flood,
        crowd=crowd,
        heard=heard,
        statements=await count_statements(),
        ready=min(starts[1:]),  # the first has made keys, tables and byte code
        resident=at_rest,
        resident_loaded=loaded,
    )


async def _measure_rounds(
    rows: Sequence[Row], plan: Plan, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """Return the figures of each row, one for each round."""
    figures: dict[str, list[float]] = {row.name: [] for row in rows}
    for number in range(plan.rounds):
        tell(f"round {number + 1} of {plan.rounds}")
        for row in rows:
            figures[row.name].append(await measure(row, plan.seconds))
    return figures


async def _make_rows(folder: Path, bare: Server, service: Server, plan: Plan) -> tuple[Row, ...]:
    sealer = Sealer.of(folder / "keys")
    warm = list(render_mixed(map(sealer.bearer, range(PEOPLE))))
    cookie = list(render_mixed(map(sealer.cookie, range(PEOPLE))))
    for requests in (warm, cookie):  # which also opens every token once
        await look_at(service, requests)
    fresh = itertools.count(PEOPLE, plan.cold)

    def keep(name: str, requests: Iterable[bytes]) -> Callable[[], Path]:
        file = write_requests(folder / name, requests)
        return lambda: file

    def make_cold() -> Path:
        first = next(fresh)
        tokens = map(sealer.bearer, range(first, first + plan.cold))
        return write_requests(folder / "cold", render_each(first, tokens))

    same = keep("warm", warm)
    return (
        Row("bare handler, GET / alone", bare, keep("plain", [PLAIN])),
        Row(BARE, bare, same),
        Row(WARM, service, same),
        Row("warm session cookie", service, keep("cookie", cookie)),
        Row("nobody", service, keep("nobody", render_nobody()), refused=True),
        Row("cold token", service, make_cold, connections=COLD_CONNECTIONS, once=True),
    )


def _make_ruled_rows(folder: Path, servers: Mapping[str, Server]) -> tuple[Row, ...]:
    sealer = Sealer.of(folder / "keys")
    requests = list(render_hosts([sealer.bearer(number) for number in range(PEOPLE)]))
    file = write_requests(folder / "hosts", requests)
    return tuple(Row(name, server, lambda: file) for name, server in servers.items())


def _ratio(dear: Sequence[float], cheap: Sequence[float]) -> Spread:
    """Return the ratio round by round."""
    return Spread.of([each / other for each, other in zip(dear, cheap, strict=True)])


async def look_at(service: Server, requests: list[bytes]) -> None:
    """Ask each question once; raises LoadFailed: a fast answer that is wrong is worth nothing."""
    answers = await ask(service.url, requests)
    for number, answer in enumerate(answers):
        person = f"person{number % PEOPLE}"
        complete = all(answer.headers.get(name) for name in IDENTITY)
        if answer.status != 200 or not complete or answer.headers["remote-user"] != person:
            raise LoadFailed(f"{person} got {answer.status} with {sorted(answer.headers)}")
