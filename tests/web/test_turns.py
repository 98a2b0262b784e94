"""Cold tokens that come at once wait for their turn, and are answered as if they had not."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import pytest
from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.web import pace as pace_module
from sidecar.web.context import CONTEXT
from sidecar.web.pace import SLICE, Pace
from sidecar.web.protocol import ProtocolServer
from tests.sources.turns import watching
from tests.web.gated import Gated, asked, bearer
from tests.web.test_pace import work_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

BURST = 150  # connections
AHEAD = 200  # turns that others have first


def question(token: str, target: str = "/") -> bytes:
    octets = b"GET /verify/traefik HTTP/1.1\r\nHost: sidecar\r\n"
    for name, value in [*asked("traefik", target), bearer(token)]:
        text = value if isinstance(value, bytes) else value.encode()
        octets += name.encode() + b": " + text + b"\r\n"
    return octets + b"\r\n"


def cold_tokens(gated: Gated, count: int) -> list[str]:
    """Return tokens of alice that nobody has shown yet; each is good."""
    made = read_clock().monotonic
    return [
        gated.resealed(TokenKind.ACCESS, jti=f"cold {made} {number}") for number in range(count)
    ]


def server_of(gated: Gated) -> ProtocolServer:
    server = gated.web.runner.server
    assert isinstance(server, ProtocolServer)
    return server


def started(server: ProtocolServer) -> list[web.RequestHandler]:
    """Return the connections whose request is under way, or left until its turn."""
    return [each for each in server.connections if each._request_in_progress or each._messages]


@contextmanager
def keeping_busy(pace: Pace) -> Iterator[None]:
    """Leave no turn anything of its slice: whatever is cold has to wait."""
    goes_on = True

    def work() -> None:
        work_for(SLICE)
        if goes_on:
            pace.put(work)

    pace.put(work)
    try:
        yield
    finally:
        goes_on = False


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connecting(gated: Gated, count: int) -> AsyncIterator[list[Connection]]:
    """Make connections whose handlers wait for a question."""
    made: list[Connection] = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", gated.web.port)
            made.append((reader, writer))
            writer.write(question(gated.tokens["alice"]))
            assert await read_answer(reader) == 200
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def read_answer(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        await reader.readexactly(int(length.split(b"\r\n")[0]))
    return int(head.split(b" ")[1])


@pytest.mark.parametrize(("spoil", "status"), [("", 200), ("AAAA", 401)], ids=["good", "forged"])
async def test_a_burst_of_cold_tokens_does_not_hold_the_loop_until_all_are_answered(
    gated: Gated, spoil: str, status: int
) -> None:
    """The promise is in milliseconds; a busy machine takes longer for a turn, and for all of it."""
    tokens = cold_tokens(gated, BURST)
    async with connecting(gated, BURST) as connections:
        for (_, writer), token in zip(connections, tokens, strict=True):
            writer.write(question(token[: len(token) - len(spoil)] + spoil))
        began = time.thread_time()
        async with watching() as turns:
            answers = [await read_answer(reader) for reader, _ in connections]
            await asyncio.sleep(0.002)  # until it was looked at once more
    assert answers == [status] * BURST
    assert turns.worked < (time.thread_time() - began) / 2


async def test_questions_on_one_connection_are_answered_in_their_order(gated: Gated) -> None:
    (token,) = cold_tokens(gated, 1)
    async with connecting(gated, 1) as [(reader, writer)]:
        with keeping_busy(gated.web.runner.app[CONTEXT].pace):
            for target in ("/", "/admin/", "/"):
                writer.write(question(token, target))
                for _ in range(3):
                    await asyncio.sleep(0)
            assert [await read_answer(reader) for _ in range(3)] == [200, 403, 200]


async def test_what_is_warm_is_answered_while_the_cold_wait(gated: Gated) -> None:
    async with connecting(gated, 1) as [(reader, writer)]:
        with keeping_busy(gated.web.runner.app[CONTEXT].pace):
            writer.write(question(gated.tokens["alice"]))
            assert await read_answer(reader) == 200


async def test_for_who_goes_away_nothing_is_opened(gated: Gated) -> None:
    server, pace = server_of(gated), gated.web.runner.app[CONTEXT].pace
    tokens = cold_tokens(gated, 3)
    gate = gated.web.serving.gate
    async with connecting(gated, 3) as connections:
        decided = gate.decisions.total()
        for _ in range(AHEAD):
            pace.put(partial(work_for, SLICE))
        for (_, writer), token in zip(connections, tokens, strict=True):
            writer.write(question(token))
        async with asyncio.timeout(20):
            while len(started(server)) < len(tokens):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)
            for _, writer in connections:
                writer.transport.abort()
            while any(each.transport for each in server.connections):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            assert pace.waiting > len(tokens)  # they have not had their turn
            while pace.waiting:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
    assert gate.decisions.total() == decided


@pytest.mark.parametrize(("target", "status"), [("/", 503), ("/public/x", 200)])
async def test_where_too_many_wait_nothing_can_be_told(
    gated: Gated, monkeypatch: pytest.MonkeyPatch, target: str, status: int
) -> None:
    """An open door stays open, to nobody in particular."""
    (token,) = cold_tokens(gated, 1)
    monkeypatch.setattr(pace_module, "MOST_WAITING", 1)
    async with connecting(gated, 1) as [(reader, writer)]:
        with keeping_busy(gated.web.runner.app[CONTEXT].pace):
            writer.write(question(token, target))
            assert await read_answer(reader) == status
