"""What sends the requests, and what is no figure."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bench.load import MARK, Answers, LoadFailed, send, send_slowly, write_requests
from tests.bench.measure import Row, Server, cpu_seconds, measure
from tests.bench.questions import PLAIN, render_nobody
from tests.bench.servers import Cores, serving_bare
from tests.bench.warm import look_at
from tests.programs.process import require

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _wrk() -> None:
    require("wrk")


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving_bare(tmp_path, Cores.choose().servers) as server:
        yield server


async def test_no_more_are_sent_than_are_to_be(bare: Server, tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests", [PLAIN] * 50)
    answers = await send(bare.url, requests, seconds=1, connections=4, most=50)
    assert 40 <= answers.answered <= 50


async def test_a_number_that_is_another_each_time_stands_where_the_mark_does(
    tmp_path: Path,
) -> None:
    came: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                came.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()

    marked = f"GET /{MARK}/end HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    requests = write_requests(tmp_path / "requests", [marked, PLAIN])
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await send(f"http://127.0.0.1:{port}", requests, seconds=5, connections=1, most=6, first=41)
    numbers = [int(each.split(b"/")[1]) for each in came if each != PLAIN]
    first = numbers[0]
    assert first in {41, 42}  # wrk looks at one request, which it does not send
    assert numbers[:2] == [first, first + 1]
    assert all(len(each) == len(marked) for each in came if each != PLAIN)


async def test_our_own_client_says_what_failed(tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests", [PLAIN])
    answers = await send_slowly("http://127.0.0.1:1", requests, seconds=1, connections=2, most=5)
    assert answers == Answers(answered=0, refused=0, failed=5)


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
