"""Requests begin one after the other: a burst of them holds no question at the gate up."""

import asyncio
import gc
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from sidecar.web.turns import Turns
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

BURST: Final = 40  # requests at once
ROUNDS: Final = 3  # the machine is shared: the best one counts
PATIENCE: Final = 30.0  # seconds for all answers
BODY: Final = b'{"username": "alice", "password": 7}'  # judged without a hash: 422
REQUESTS: Final = {
    "a page": b"GET /login HTTP/1.1\r\nHost: auth.example.com\r\n\r\n",
    "an attempt": b"POST /login HTTP/1.1\r\nHost: auth.example.com\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
}


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_one_begins_in_each_turn_in_the_order_in_which_they_came() -> None:
    turns, begun, turn = Turns(), list[tuple[int, int]](), 0

    async def ask(number: int) -> None:
        await turns.wait()
        begun.append((number, turn))

    waiting = [asyncio.create_task(ask(number)) for number in range(20)]
    while len(begun) < len(waiting):
        await next_turn()
        turn += 1
    assert [number for number, _ in begun] == list(range(20))
    assert len({turn for _, turn in begun}) == 20


async def test_nobody_overtakes_who_waits() -> None:
    turns, begun = Turns(), list[str]()

    async def ask(name: str) -> None:
        await turns.wait()
        begun.append(name)

    tasks = [asyncio.create_task(ask(name)) for name in ("first", "second", "third")]
    await next_turn()
    tasks.append(asyncio.create_task(ask("late")))
    await asyncio.gather(*tasks)
    assert begun == ["first", "second", "third", "late"]


async def test_who_has_gone_takes_no_turn() -> None:
    turns, begun = Turns(), list[int]()

    async def ask(number: int) -> None:
        await turns.wait()
        begun.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    await next_turn()
    tasks[1].cancel()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 3]


async def test_who_comes_alone_waits_for_nothing() -> None:
    turns = Turns()
    for _ in range(3):
        waiting = turns.wait()
        with pytest.raises(StopIteration):
            waiting.send(None)
        await next_turn()


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_burst_is_dealt_with_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    """The longest turn of the loop, of all that the burst takes."""
    async with serving_web(tmp_path) as web:
        await _longest_turn(web, request_)  # what is made once
        paced = min([await _longest_turn(web, request_) for _ in range(ROUNDS)])
        monkeypatch.setattr(Turns, "wait", _wait_for_nothing)
        unpaced = min([await _longest_turn(web, request_) for _ in range(ROUNDS)])
    assert unpaced > 0.5  # nearly all of it
    assert paced < unpaced / 2  # to read what came, and to begin with it, is left together


async def _wait_for_nothing(_turns: Turns) -> None:
    """Let everybody begin at once."""


@pytest.fixture(autouse=True)
def _no_garbage() -> Iterator[None]:
    """Leave what the tests have left to a collection that holds nobody up here."""
    gc.disable()
    yield
    gc.enable()


async def _longest_turn(web: Web, request: bytes) -> float:
    """Return the share that the longest turn of the loop has in what a burst of this takes."""
    with ExitStack() as stack:
        peers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            for _ in range(BURST)
        ]
        for peer in peers:
            peer.setblocking(False)
        for _ in range(BURST):  # all are accepted
            await asyncio.sleep(0.001)
        for peer in peers:
            peer.send(request)
        turns, left, until = [], set(peers), time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < until
            began = time.thread_time()
            await next_turn()
            turns.append(time.thread_time() - began)
            left = {peer for peer in left if not _has_answer(peer)}
    return max(turns) / sum(turns)


def _has_answer(peer: socket.socket) -> bool:
    try:
        return b"HTTP/1.1" in peer.recv(65_536)
    except BlockingIOError:
        return False
