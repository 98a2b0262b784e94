import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench.cold import COLD, SEALING, Cold
from tests.bench.connections import Connections
from tests.bench.flood import Guessed
from tests.bench.measure import Spread
from tests.bench.memory import Memory
from tests.bench.people import People
from tests.bench.plan import Plan
from tests.bench.report import Part
from tests.bench.rules import FEW, MANY, Ruled
from tests.bench.run import run
from tests.bench.sessions import Sessions
from tests.bench.statements import Statements
from tests.bench.warm import BARE, CONSTANT, ROWS, WARM, Warm
from tests.programs.process import require

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _wrk() -> None:
    require("wrk")


TINY = Plan(
    starts=1,
    rounds=1,
    seconds=1,
    most=200,
    tokens=20,
    cold=100,
    valid=300,
    bad=800,
    sessions={"SQLite": 2000, "PostgreSQL": 2000},
    people={"SQLite": 2000, "PostgreSQL": 2000},
)


async def measure_part(name: str) -> Part:
    """Return what one part says, and see to it that it says so in the table and in the JSON."""
    before = os.sched_getaffinity(0)
    report = await run(TINY, lambda _: None, [name])
    assert os.sched_getaffinity(0) == before
    assert list(report.parts) == [name]
    assert len(list(report.to_table())) >= len(report.limits)
    assert list(json.loads(report.to_json())["parts"]) == [name]
    for limit in report.limits:
        assert 0 <= limit.figure < 100_000, limit
    return report.parts[name]


def assert_sane(rows: Mapping[str, Spread]) -> None:
    for name, spread in rows.items():
        assert 1 < spread.least <= spread.median <= spread.most < 100_000, name


async def test_known_tokens_are_measured_beside_what_decides_nothing() -> None:
    warm = await measure_part("warm")
    assert isinstance(warm, Warm)
    assert list(warm.rows) == list(ROWS)
    for rows in warm.rows.values():
        assert list(rows) == ["uvloop", "asyncio"]
        assert_sane(rows)
    on_uvloop = {name: loops["uvloop"].median for name, loops in warm.rows.items()}
    assert warm.by_bare.median == on_uvloop[WARM] / on_uvloop[BARE]
    assert warm.by_constant.median == on_uvloop[WARM] / on_uvloop[CONSTANT]
    assert 500 < warm.octets < 5000


async def test_new_tokens_are_measured_and_every_kind_of_bad_one() -> None:
    cold = await measure_part("cold")
    assert isinstance(cold, Cold)
    assert len(cold.rows) == 7
    assert_sane(cold.rows)
    assert cold.rows[SEALING].median > cold.rows[COLD].median > cold.verification > 1
    assert list(cold.refusals) == [
        *("expired", "bad_signature", "unknown_key", "token_malformed", "no_credential"),
    ]


async def test_kept_and_new_connections_are_measured_over_tcp_and_a_unix_socket() -> None:
    connections = await measure_part("connections")
    assert isinstance(connections, Connections)
    assert len(connections.rows) == 6
    assert_sane(connections.rows)


async def test_few_and_many_rules_are_measured() -> None:
    rules = await measure_part("rules")
    assert isinstance(rules, Ruled)
    assert_sane(rules.rows)
    assert rules.ratio.median == rules.rows[MANY].median / rules.rows[FEW].median
    assert 0.01 < rules.loading < 60
    assert 0.01 < rules.turn < 1000
    assert 0.1 < rules.cold_path < 1000


async def test_memory_is_measured_at_rest_and_after_good_and_bad_tokens() -> None:
    memory = await measure_part("memory")
    assert isinstance(memory, Memory)
    assert 0 < memory.ready < 60
    assert 20 < memory.rest < memory.loaded < 1000
    assert len(memory.flood.resident) == 10
    assert 500 < memory.flood.bad <= 800


async def test_sessions_and_people_are_measured_in_both_databases() -> None:
    sessions, people = await measure_part("sessions"), await measure_part("people")
    assert isinstance(sessions, Sessions)
    assert isinstance(people, People)
    assert list(sessions.stored) == list(people.listed) == ["SQLite", "PostgreSQL"]
    for stored in sessions.stored.values():
        assert stored.sessions == 2000
        assert list(stored.growth) == ["login", "refresh", "list", "purge a batch"]
        for growth in stored.growth.values():
            assert 0.01 < growth.few.median < 10_000
            assert growth.ratio.median == growth.many.median / growth.few.median
        assert stored.growth["purge a batch"].many.median <= stored.longest_lock < 10_000
    for listed in people.listed.values():
        assert listed.people == 2000
        assert len(listed.questions) == 5
        assert all(0.01 < each.median < 10_000 for each in listed.questions.values())


async def test_a_flood_and_statements_are_measured() -> None:
    flood, statements = await measure_part("flood"), await measure_part("statements")
    assert isinstance(flood, Guessed)
    assert 0.1 < flood.ratio.median < 100
    assert isinstance(statements, Statements)
    assert statements.refresh == 2


async def test_bad_tokens_without_end_come_to_an_end() -> None:
    command = [sys.executable, "-m", "tests.bench.endurance", "2000"]
    endured = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        printed, _ = await endured.communicate()
    requests, resident, _ = printed.decode().splitlines()
    assert 1600 < int(requests.split()[0]) <= 2000
    assert len(resident.split()) == 10


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_whoever_stops_it_stops_its_servers(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--short", "--part", "cold", "--out", str(out)]
    bench = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    assert bench.stderr is not None
    async with asyncio.timeout(120):
        await bench.stderr.readuntil(b"round 1 of 3\n")
        started = children(bench.pid)
        bench.send_signal(number)
        assert await bench.wait() == 1
    assert len(started) >= 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not out.exists()
