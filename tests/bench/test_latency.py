"""How answers are timed, and by which figures the limits of latency hold."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bench import paced
from tests.bench.latency import ALONE, FLOOD, RELOAD, SNAPSHOT, Latency, Took, measure_latency
from tests.bench.load import write_requests
from tests.bench.plan import Bench, Plan
from tests.bench.questions import PLAIN
from tests.bench.servers import PYTHON, Cores

RATE = 200  # requests in a second
STANDSTILL = 0.5  # seconds


def make_latency(p99: float = 5.0, reload: float = 6.0, snapshot: float = 6.0) -> Latency:
    """Return figures at their limits: alone, 99.9 of 100 take a millisecond."""
    return Latency.of(
        {
            ALONE: [Took(0.2, 0.5, 1.0)] * 3,
            RELOAD: [Took(0.2, 99.0, reload)] * 3,
            SNAPSHOT: [Took(0.2, 99.0, snapshot)] * 3,
            FLOOD: [Took(0.2, p99, 99.0)] * 3,
        }
    )


def test_figures_at_their_limits_hold() -> None:
    assert [limit.holds for limit in make_latency().limits()] == [True] * 3


@pytest.mark.parametrize("figure", [{"p99": 5.1}, {"reload": 6.1}, {"snapshot": 6.1}], ids=str)
def test_one_figure_above_its_limit_is_enough(figure: dict[str, float]) -> None:
    assert [limit.holds for limit in make_latency(**figure).limits()].count(False) == 1


def test_what_is_added_is_a_matter_of_each_round() -> None:
    alone, other = (
        [Took(0, 0, each) for each in (1, 90, 2)],
        [Took(0, 0, each) for each in (4, 93, 5)],
    )
    latency = Latency.of({ALONE: alone, RELOAD: other})
    assert latency.added[RELOAD].most == latency.added[RELOAD].least == 3


def test_quantiles_are_those_of_all_answers() -> None:
    assert Took.of([float(each) for each in range(1000)]) == Took(500.0, 990.0, 999.0)


@asynccontextmanager
async def answering(answer: bytes, standstill_at: int = -1) -> AsyncIterator[int]:
    """Run a server that once answers nobody for a while; yield its port."""
    free, asked = asyncio.Event(), 0
    free.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.read(4096):
            asked += 1
            if asked == standstill_at:
                free.clear()
                asyncio.get_running_loop().call_later(STANDSTILL, free.set)
            await free.wait()
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, paced.HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, folder: Path) -> tuple[int | None, bytes, bytes]:
    file = write_requests(folder / "requests", [PLAIN])
    command = (*PYTHON, paced.__file__, str(port), str(file), str(RATE), "2", "2")
    client = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await client.communicate()
    return client.returncode, out, err


@pytest.mark.asyncio
async def test_who_is_due_while_a_server_stands_still_waits_as_long(tmp_path: Path) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", standstill_at=RATE) as port:
        status, out, err = await ask(port, tmp_path)
    assert status == 0, err
    took: Sequence[float] = json.loads(out)
    assert took == sorted(took)
    assert RATE < len(took) < 3 * RATE  # of two seconds
    # A closed loop would have two: its connections. These were due at every moment of it.
    late = [each for each in took if each >= 50]
    assert len(late) > RATE * STANDSTILL / 2
    assert max(late) > STANDSTILL * 500


@pytest.mark.asyncio
async def test_another_answer_than_a_200_is_no_figure(tmp_path: Path) -> None:
    async with answering(b"HTTP/1.1 401 Unauthorized\r\n\r\n") as port:
        status, out, err = await ask(port, tmp_path)
    assert (status, out) == (1, b"")
    assert b"401 Unauthorized" in err


@pytest.mark.asyncio
async def test_every_part_is_measured(tmp_path: Path) -> None:
    bench = Bench(Plan(rounds=1, revocations=5000), Cores.choose(), tmp_path, lambda _: None)
    latency = await measure_latency(bench)
    assert list(latency.parts) == [ALONE, RELOAD, SNAPSHOT, FLOOD]
    for took in latency.parts.values():
        assert 0.01 < took.median <= took.p99 <= took.p999
    assert len(list(latency.lines())) == 9
