"""What is measured behind gateways, and by which figures its limits hold."""

import asyncio
from pathlib import Path

import pytest

from tests.bench import canned
from tests.bench.behind import Asked, Behind, Round, Row, _measure, _Running, measure_behind
from tests.bench.canned import Canned
from tests.bench.load import LoadFailed, write_requests
from tests.bench.measure import Server
from tests.bench.plan import Bench, Plan
from tests.bench.servers import PYTHON, Cores
from tests.programs.process import free_port, require, running

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def make_row(left: float) -> Row:
    empty = [Round(1000.0, 40.0, 10.0)] * 3
    return Row.of([each._replace(rate=left * each.rate) for each in empty], empty)


def make_behind(**left: float) -> Behind:
    return Behind({name: {Asked.OURS.value: make_row(each)} for name, each in left.items()})


def test_nine_tenths_of_the_rate_are_enough() -> None:
    behind = make_behind(nginx=0.9, traefik=0.9, caddy=0.5)
    assert [limit.holds for limit in behind.limits()] == [True, True]


@pytest.mark.parametrize("name", ["nginx", "traefik"])
def test_less_than_nine_tenths_is_too_little(name: str) -> None:
    (limit,) = make_behind(**{name: 0.89}).limits()
    assert not limit.holds


def test_what_is_left_is_a_matter_of_each_round() -> None:
    empty = [Round(1000.0, 40.0, 10.0), Round(10.0, 45.0, 12.0), Round(1000.0, 41.0, 11.0)]
    row = Row.of([each._replace(rate=each.rate * 0.9) for each in empty], empty)
    assert row.left.least == pytest.approx(0.9)
    assert row.left.most == pytest.approx(0.9)
    assert (row.rate, row.gateway, row.asked) == (900.0, 41.0, 11.0)


class Written(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.octets = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.octets += data


@pytest.mark.parametrize("place", range(1, 2 * len(HEAD)))
def test_each_head_is_answered_once_wherever_it_is_cut(place: int) -> None:
    written, connection = Written(), Canned(b"answer;")
    connection.connection_made(written)
    connection.data_received((HEAD + HEAD)[:place])
    assert written.octets == b"answer;" * (place // len(HEAD))
    connection.data_received((HEAD + HEAD)[place:])
    assert written.octets == b"answer;" * 2


@pytest.mark.asyncio
async def test_a_gateway_that_lets_nobody_in_is_no_figure(tmp_path: Path) -> None:
    require("wrk")
    (tmp_path / "answer").write_bytes(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    file = write_requests(tmp_path / "requests", [HEAD])
    port = free_port()
    command = [*PYTHON, canned.__file__, str(port), "answer"]
    async with running(command, directory=tmp_path, address=(canned.HOST, port)) as program:
        server = Server(program.process.pid, f"http://{canned.HOST}:{port}")
        with pytest.raises(LoadFailed, match=r"^a gateway: "):
            await _measure("a gateway", _Running(server, server), file)


@pytest.mark.asyncio
async def test_a_gateway_is_measured_by_who_it_asks(tmp_path: Path) -> None:
    require("wrk")
    bench = Bench(Plan(rounds=1), Cores.choose(), tmp_path, lambda _: None)
    behind = await measure_behind(bench, ["nginx"])
    (rows,) = behind.rows.values()
    assert list(rows) == [asked.value for asked in Asked]
    for row in rows.values():
        assert row.rate > 10
        assert row.gateway > 1
        assert row.asked > 1
    assert rows[Asked.EMPTY.value].left.median == 1
    assert len(list(behind.lines())) == 1 + len(rows)
