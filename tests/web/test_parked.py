"""Questions that wait for their turn in the lane: answered there, or handed over whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest

from sidecar.app.garbage import is_busy
from sidecar.web.context import CONTEXT
from sidecar.web.lane import Lane
from sidecar.web.pace import SLICE
from tests.web.gated import Gated, bearer
from tests.web.test_lane import question, watch_requests
from tests.web.test_pace import work_for
from tests.web.test_turns import cold_tokens, server_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURNS: Final = 10  # of the loop; a handler that is woken takes two, its task one more
AHEAD: Final = 50  # turns that others have first


class Gateway(asyncio.Transport):
    """A connection to a gateway that keeps what it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bytes] = []
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.answers.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    @property
    def statuses(self) -> list[int]:
        return [int(answer[9:12]) for answer in self.answers]


class Asked:
    """A connection whose handler waits, and that has not been answered what it has asked."""

    def __init__(self, gated: Gated) -> None:
        line = server_of(gated)()
        assert isinstance(line, Lane)
        self.line = line
        self.pace = gated.web.runner.app[CONTEXT].pace
        self.gateway = Gateway()
        line.connection_made(self.gateway)

    def keep_waiting(self) -> None:
        """Leave the next turns nothing of their slices."""
        for _ in range(AHEAD):
            self.pace.put(partial(work_for, SLICE))

    async def is_answered(self, count: int = 1) -> None:
        """Wait until so many answers are there."""
        async with asyncio.timeout(20):
            while len(self.gateway.answers) < count:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)


@asynccontextmanager
async def asking(gated: Gated, *, token: str = "", method: str = "GET") -> AsyncIterator[Asked]:
    """Ask with a token that is cold, and yield while the answer waits for its turn."""
    asked = Asked(gated)
    await turn()
    asked.keep_waiting()
    asked.line.data_received(of(token or cold_tokens(gated, 1)[0], method=method))
    await turn()
    assert asked.gateway.answers == []
    try:
        yield asked
    finally:
        asked.line.force_close()
        async with asyncio.timeout(20):
            while asked.pace.waiting:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)


def of(token: str, **kwargs: Any) -> bytes:
    return question("traefik", bearer(token), **kwargs)


async def turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def is_known(gated: Gated, token: str) -> None:
    """Have a token opened, so that it is warm from here on."""
    asked = Asked(gated)
    await turn()
    asked.line.data_received(of(token))
    await asked.is_answered()
    asked.line.force_close()


@pytest.fixture
def requests(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what fills with all that aiohttp makes a request of."""
    return watch_requests(server_of(gated), monkeypatch)


async def test_it_is_answered_in_its_turn_without_a_request(
    gated: Gated, requests: list[object]
) -> None:
    counted = server_of(gated).requests_count
    async with asking(gated) as asked:
        await asked.is_answered()
        asked.line.data_received(of(gated.tokens["alice"]))
        await asked.is_answered(2)
        assert asked.gateway.statuses == [200, 200]
    assert requests == []
    assert server_of(gated).requests_count == counted + 2


async def test_a_forgery_is_refused_in_its_turn(gated: Gated, requests: list[object]) -> None:
    forged = cold_tokens(gated, 1)[0][:-8] + "AAAAAAAA"
    async with asking(gated, token=forged) as asked:
        await asked.is_answered()
        assert asked.gateway.statuses == [401]
        assert b'"reason": "bad_signature"' in asked.gateway.answers[0]
    assert requests == []


@pytest.mark.parametrize("cut", [1, 20, -1])
async def test_half_a_question_behind_it_changes_nothing(
    gated: Gated, requests: list[object], cut: int
) -> None:
    warm = of(gated.tokens["alice"])
    async with asking(gated) as asked:
        asked.line.data_received(warm[:cut])
        await asked.is_answered()
        asked.line.data_received(warm[cut:])
        await asked.is_answered(2)
        assert asked.gateway.statuses == [200, 200]
    assert requests == []


async def test_who_asks_on_is_answered_in_order(gated: Gated, requests: list[object]) -> None:
    async with asking(gated) as asked:
        for target in ("/admin/", "/"):
            asked.line.data_received(of(gated.tokens["alice"], target=target))
        await turn()
        assert asked.gateway.answers == []
        await asked.is_answered(3)
        assert asked.gateway.statuses == [200, 403, 200]
    assert len(requests) == 3


async def test_what_is_no_request_behind_it_is_refused_behind_it(gated: Gated) -> None:
    async with asking(gated) as asked:
        asked.line.data_received(b"\x00\r\n\r\n")
        await asked.is_answered(2)
        assert asked.gateway.statuses == [200, 400]
        await turn()
        assert asked.gateway.closed


async def test_a_refusal_without_a_body_is_written_by_aiohttp(
    gated: Gated, requests: list[object]
) -> None:
    forged = cold_tokens(gated, 1)[0][:-8] + "AAAAAAAA"
    async with asking(gated, token=forged, method="HEAD") as asked:
        await asked.is_answered()
        assert asked.gateway.statuses == [401]
        assert asked.gateway.answers[0].endswith(b"\r\n\r\n")
    assert len(requests) == 1


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
async def test_who_asks_on_once_the_handler_is_woken_is_answered_behind(
    gated: Gated, *, warm: bool
) -> None:
    """The handler has taken the message, and its task has not begun: the next one comes."""
    forged, good = cold_tokens(gated, 2)
    forged = forged[:-8] + "AAAAAAAA"
    await is_known(gated, gated.tokens["alice"])
    async with asking(gated, token=forged, method="HEAD") as asked:
        async with asyncio.timeout(20):
            while asked.line._messages:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)
        assert asked.gateway.answers == []
        asked.line.data_received(of(gated.tokens["alice"] if warm else good))
        await asked.is_answered(2)
        assert asked.gateway.statuses == [401, 200]


async def test_a_bug_in_its_turn_is_a_problem_with_status_500(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(gated.web.serving.gate, "decide", fail)
    async with asking(gated) as asked:
        await asked.is_answered()
        assert asked.gateway.statuses == [500]
        await turn()
        assert asked.gateway.closed


async def test_who_ends_the_server_waits_for_it(gated: Gated) -> None:
    server = server_of(gated)
    async with asking(gated) as asked:
        assert is_busy(server)
        server.last = True
        try:
            server.pre_shutdown()
            assert is_busy(server)
            await asked.is_answered()
        finally:
            server.last = False
        assert asked.gateway.statuses == [200]
        assert b"\r\nConnection: close\r\n" in asked.gateway.answers[0]
        await turn()
        assert asked.gateway.closed
    assert not is_busy(server)
    assert asked.gateway.statuses == [200]


async def test_it_is_not_let_go_as_somebody_who_has_fallen_silent(gated: Gated) -> None:
    asked = Asked(gated)
    await turn()
    asked.keep_waiting()
    asked.line._next_keepalive_close_time = asyncio.get_running_loop().time()
    asked.line.data_received(of(cold_tokens(gated, 1)[0]))
    asked.line._process_keepalive()
    assert not asked.gateway.closed
    await asked.is_answered()
    assert asked.gateway.statuses == [200]
    asked.line.force_close()


async def test_for_who_has_gone_nothing_is_decided(gated: Gated) -> None:
    decisions = gated.web.serving.gate.decisions
    async with asking(gated) as asked:
        decided = decisions.total()
        asked.line.connection_lost(None)
    assert asked.gateway.answers == []
    assert decisions.total() == decided


async def test_a_bug_as_it_is_sent_ends_the_connection(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[dict[str, Any]]()
    ended = asyncio.Event()

    def write(_data: bytes) -> None:
        raise ValueError("a bug")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        async with asking(gated) as asked, asyncio.timeout(20):
            monkeypatch.setattr(asked.gateway, "write", write)
            monkeypatch.setattr(asked.gateway, "abort", ended.set)
            await ended.wait()
            await turn()
    finally:
        loop.set_exception_handler(None)
    assert [context["protocol"] for context in told] == [asked.line]
