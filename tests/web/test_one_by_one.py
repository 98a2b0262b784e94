"""Requests begin one after the other: a burst of them holds no question at the gate up."""

import asyncio
import gc
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from sidecar.errors import Overloaded
from sidecar.web.context import CONTEXT
from sidecar.web.pace import Gone
from sidecar.web.turns import MOST_WAITING, Turns
from tests.web.conftest import Web, serving_web
from tests.web.test_pace import next_turn, stays

pytestmark = pytest.mark.asyncio

BURST: Final = 40  # requests at once
ROUNDS: Final = 3  # the machine is shared: the best one counts
PATIENCE: Final = 30.0  # seconds for all answers
RESET: Final = struct.pack("ii", 1, 0)  # what SO_LINGER takes for an end without a goodbye
BODY: Final = b'{"username": "alice", "password": 7}'  # judged without a hash: 422
REQUESTS: Final = {
    "a page": b"GET /login HTTP/1.1\r\nHost: auth.example.com\r\n\r\n",
    "an attempt": b"POST /login HTTP/1.1\r\nHost: auth.example.com\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
}


async def test_one_begins_in_each_turn_in_the_order_in_which_they_came() -> None:
    turns, begun, turn = Turns(), list[tuple[int, int]](), 0

    async def ask(number: int) -> None:
        await turns.wait(stays)
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
        await turns.wait(stays)
        begun.append(name)

    tasks = [asyncio.create_task(ask(name)) for name in ("first", "second", "third")]
    await next_turn()
    tasks.append(asyncio.create_task(ask("late")))
    await asyncio.gather(*tasks)
    assert begun == ["first", "second", "third", "late"]


async def test_who_has_gone_takes_no_turn() -> None:
    turns, begun = Turns(), list[int]()

    async def ask(number: int) -> None:
        await turns.wait(stays)
        begun.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    await next_turn()
    tasks[1].cancel()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 3]


async def test_who_is_known_to_be_gone_takes_no_turn() -> None:
    turns, begun, gone = Turns(), list[int](), {1, 2}

    async def ask(number: int) -> None:
        await turns.wait(lambda: number in gone)
        begun.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 3]
    assert [type(each) for each in ended[1:3]] == [asyncio.CancelledError] * 2


async def test_where_too_many_wait_the_next_is_told_so() -> None:
    turns = Turns()
    tasks = [asyncio.create_task(turns.wait(stays)) for _ in range(MOST_WAITING + 1)]
    await next_turn()
    with pytest.raises(Overloaded):
        await turns.wait(stays)
    await asyncio.gather(*tasks)
    await turns.wait(stays)


async def test_for_those_who_went_away_nothing_is_done(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        waiting = web.runner.app[CONTEXT].turns
        with ExitStack() as stack:
            peers = await _connect(stack, web)
            for peer in peers:
                peer.send(REQUESTS["a page"])
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            async with asyncio.timeout(PATIENCE):
                while waiting.waiting < BURST / 2:
                    await next_turn()
        turns = 0
        while waiting.waiting:
            await next_turn()
            turns += 1
        assert turns < BURST / 4


async def test_who_comes_alone_waits_for_nothing() -> None:
    turns = Turns()
    for _ in range(3):
        waiting = turns.wait(stays)
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


async def _wait_for_nothing(_turns: Turns, _gone: Gone) -> None:
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
        peers = await _connect(stack, web)
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


async def _connect(stack: ExitStack, web: Web) -> list[socket.socket]:
    """Return connections that have been accepted."""
    server, address = web.runner.server, ("127.0.0.1", web.port)
    assert server is not None
    async with asyncio.timeout(PATIENCE):
        while server.connections:  # of the burst before
            await next_turn()
    peers = [stack.enter_context(socket.create_connection(address)) for _ in range(BURST)]
    async with asyncio.timeout(PATIENCE):
        while len(server.connections) < BURST:
            await next_turn()
    for peer in peers:
        peer.setblocking(False)
    return peers


def _has_answer(peer: socket.socket) -> bool:
    try:
        return b"HTTP/1.1" in peer.recv(65_536)
    except BlockingIOError:
        return False
