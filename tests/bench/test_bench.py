import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bench.load import LoadFailed, send, write_requests
from tests.bench.measure import Row, Server, cpu_seconds, measure
from tests.bench.questions import PLAIN, render_nobody
from tests.bench.rules import FEW, MANY
from tests.bench.run import BARE, WARM, Plan, look_at, run
from tests.bench.servers import Cores, serving_bare
from tests.programs.process import require

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _wrk() -> None:
    require("wrk")


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving_bare(tmp_path, Cores.choose().servers) as server:
        yield server


async def test_a_run_measures_every_row() -> None:
    before = os.sched_getaffinity(0)
    few = {"SQLite": 2000, "PostgreSQL": 2000}
    plan = Plan(
        starts=1,
        rounds=1,
        seconds=1,
        cold=200,
        sessions=few,
        people=few,
        revocations=5000,
        told=5,
    )
    report = await run(plan, lambda _: None)
    assert len(report.rows) == 8
    for name, spread in report.rows.items():
        assert 1 < spread.least <= spread.median <= spread.most < 100_000, name
    assert report.ratio.median == report.rows[WARM].median / report.rows[BARE].median
    assert report.rules_ratio.median == report.rows[MANY].median / report.rows[FEW].median
    assert 0.01 < report.loading < 60
    assert 0.01 < report.turn < 1000
    assert 0.1 < report.cold_path < 1000
    assert {name: stored.sessions for name, stored in report.sessions.items()} == few
    for name, stored in report.sessions.items():
        assert list(stored.growth) == ["login", "refresh", "list", "purge a batch"]
        for growth in stored.growth.values():
            assert 0.01 < growth.few.median < 10_000, name
            assert growth.ratio.median == growth.many.median / growth.few.median
        assert stored.growth["purge a batch"].many.median <= stored.longest_lock < 10_000
    for name, listed in report.people.items():
        assert listed.people == few[name]
        assert len(listed.questions) == 5
        assert all(0.01 < each.median < 10_000 for each in listed.questions.values())
    assert 0.1 < report.flood.median < 100
    assert report.crowd.revocations == 5000
    assert 0.01 < report.crowd.deciding < 1000
    assert list(report.heard) == ["told", "looked for"]
    assert all(0.01 < each.median <= each.p99 < 10_000 for each in report.heard.values())
    assert report.statements == 2
    assert report.rows["cold token"].least > report.rows[WARM].least
    assert 0 < report.ready < 60
    assert 20 < report.resident < report.resident_loaded < 1000
    assert os.sched_getaffinity(0) == before


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_whoever_stops_it_stops_its_servers(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--short", "--out", str(out)]
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


async def test_requests_that_are_sent_once_are_not_sent_again(bare: Server, tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests", [PLAIN] * 50)
    answers = await send(bare.url, requests, seconds=1, connections=4, once=True)
    assert 40 <= answers.answered <= 50


@pytest.mark.parametrize(
    ("request_line", "refused"),
    [("GET /nowhere HTTP/1.1", False), ("DELETE / HTTP/1.1", False), ("GET / HTTP/1.1", True)],
)
async def test_answers_of_the_wrong_kind_are_no_figure(
    request_line: str, refused: bool, bare: Server, tmp_path: Path
) -> None:
    request = f"{request_line}\r\nHost: 127.0.0.1\r\n\r\n".encode()
    file = write_requests(tmp_path / "requests", [request])
    row = Row("a row", bare, lambda: file, refused=refused)
    with pytest.raises(LoadFailed, match=r"^a row: "):
        await measure(row, 1)


async def test_an_allow_without_an_identity_is_not_measured(bare: Server) -> None:
    with pytest.raises(LoadFailed, match="person0 got 200"):
        await look_at(bare, list(render_nobody()))


async def test_a_load_without_a_server_fails(tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests", [PLAIN])
    with pytest.raises(LoadFailed, match="wrk"):
        await send("http://127.0.0.1:1", requests, seconds=1, connections=1)


async def test_cpu_is_counted_for_the_whole_process() -> None:
    before = time.process_time()
    counted = cpu_seconds(os.getpid())
    assert before <= counted <= time.process_time()
