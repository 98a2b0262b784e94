"""What comes in one turn of the loop is dealt with together, and loses nothing by that."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any, Final

import pytest
import pytest_asyncio

from sidecar.core.token import open_token
from sidecar.credentials import opening
from sidecar.web import pace
from sidecar.web.cohort import ALONE, FEW, TOGETHER, Cohort
from sidecar.web.lane import Lane
from sidecar.web.pace import TOGETHER as DEAR_TOGETHER
from sidecar.web.protocol import ProtocolServer
from tests.web.gated import Gated
from tests.web.test_lane import Eager, question
from tests.web.test_parked import is_known
from tests.web.test_turns import cold_tokens

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGES: Final = ("parse_held", "deal_with", "work", "finish", "send")
SEVERAL: Final = 40  # more than are parsed together
TURNS: Final = 10


class Line(Eager):
    """A gateway's connection; what ended it is told."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Lines:
    """Connections that ask in one turn of the loop."""

    def __init__(self, server: ProtocolServer, count: int) -> None:
        self.lanes: list[Lane] = []
        self.gateways: list[Line] = []
        for _ in range(count):
            lane = server()
            assert isinstance(lane, Lane)
            gateway = Line(lane)
            lane.connection_made(gateway)
            self.lanes.append(lane)
            self.gateways.append(gateway)

    def ask(self, octets: bytes) -> None:
        for lane in self.lanes:
            lane.data_received(octets)

    @property
    def statuses(self) -> list[list[bytes]]:
        """What each gateway has been answered."""
        return [[answer[9:12] for answer in each.answers] for each in self.gateways]

    def clear(self) -> None:
        for each in self.gateways:
            each.answers.clear()

    def close(self) -> None:
        for lane in self.lanes:
            lane.force_close()


@pytest_asyncio.fixture(loop_scope="module")
async def server(gated: Gated) -> ProtocolServer:
    """Return the service's, as it is when nobody has asked for a while; it knows alice."""
    await is_known(gated, gated.tokens["alice"])
    made = gated.web.runner.server
    assert isinstance(made, ProtocolServer)
    made.cohort = Cohort()
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def lines(server: ProtocolServer) -> AsyncIterator[Lines]:
    made = Lines(server, SEVERAL)
    await turn()
    yield made
    made.close()


@pytest.fixture
def warm(gated: Gated) -> bytes:
    return ask_with(gated.tokens["alice"])


@pytest.fixture
def cold(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return questions with new tokens, which one turn has time for."""
    monkeypatch.setattr(pace, "SLICE", 60.0)
    return [ask_with(token) for token in cold_tokens(gated, SEVERAL)]


def ask_with(token: str) -> bytes:
    return question("traefik", ("Authorization", f"Bearer {token}"))


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what fills with the names of the stages, as lanes are asked for them."""
    names = list[str]()

    def note(name: str) -> None:
        whole = getattr(Lane, name)

        def noting(lane: Lane, *parts: Any) -> Any:
            names.append(name)
            return whole(lane, *parts)

        monkeypatch.setattr(Lane, name, noting)

    for name in STAGES:
        note(name)
    return names


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what fills with the tokens that are opened."""
    texts = list[str]()

    def note(text: str, *parts: Any, **named: Any) -> Any:
        texts.append(text)
        return open_token(text, *parts, **named)

    monkeypatch.setattr(opening, "open_token", note)
    return texts


def runs(called: list[str]) -> list[tuple[str, int]]:
    """Return each stage, and of how many connections in a row."""
    return [(name, len(list(run))) for name, run in groupby(called)]


async def turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def test_who_comes_in_one_turn_is_answered_in_the_next(lines: Lines, warm: bytes) -> None:
    for _ in range(3):
        lines.ask(warm)
        assert lines.statuses == [[]] * SEVERAL
        await asyncio.sleep(0)
        assert lines.statuses == [[b"200"]] * SEVERAL
        lines.clear()


async def test_each_gateway_gets_the_answer_to_its_own_question(lines: Lines, gated: Gated) -> None:
    person = ("Authorization", f"Bearer {gated.tokens['alice']}")
    for number, lane in enumerate(lines.lanes):
        lane.data_received(question("traefik", person, ("X-Request-Id", f"question-{number:04d}")))
    await asyncio.sleep(0)
    for number, gateway in enumerate(lines.gateways):
        (answer,) = gateway.answers
        assert f"X-Request-Id: question-{number:04d}\r\n".encode() in answer


async def test_all_are_parsed_then_all_are_judged_and_then_all_is_sent(
    lines: Lines, warm: bytes, called: list[str]
) -> None:
    lines.ask(warm)
    await asyncio.sleep(0)
    stages = ("parse_held", "deal_with", "send")
    counts = (TOGETHER, SEVERAL - TOGETHER)
    assert runs(called) == [(name, count) for count in counts for name in stages]


async def test_what_is_dear_is_done_for_a_few_at_a_time_behind_what_is_not(
    lines: Lines, warm: bytes, cold: list[bytes], called: list[str]
) -> None:
    of_cold = range(0, TOGETHER, 2)
    for number, lane in enumerate(lines.lanes[:TOGETHER]):
        lane.data_received(cold[number] if number in of_cold else warm)
    await asyncio.sleep(0)
    assert lines.statuses[:TOGETHER] == [[b"200"]] * TOGETHER
    stages = ("parse_held", "deal_with", "send"), ("work", "finish", "send")
    assert runs(called) == [
        *((name, TOGETHER) for name in stages[0]),
        *(
            (name, DEAR_TOGETHER)
            for _ in range(len(of_cold) // DEAR_TOGETHER)
            for name in stages[1]
        ),
    ]


async def test_what_this_turn_has_no_time_for_is_answered_in_its_turn(
    lines: Lines, cold: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLICE", 0.0)
    for lane, octets in zip(lines.lanes, cold, strict=True):
        lane.data_received(octets)
    await asyncio.sleep(0)
    assert lines.statuses == [[b"200"], *[[]] * (SEVERAL - 1)]
    for _ in range(2 * SEVERAL):
        await asyncio.sleep(0)
    assert lines.statuses == [[b"200"]] * SEVERAL


async def test_what_several_show_at_once_is_opened_once(
    lines: Lines, cold: list[bytes], opened: list[str]
) -> None:
    lines.ask(cold[0])
    await asyncio.sleep(0)
    assert lines.statuses == [[b"200"]] * SEVERAL
    assert len(opened) == 1
    assert opened[0].encode() in cold[0]


async def test_a_forgery_is_looked_at_once(
    lines: Lines, gated: Gated, cold: list[bytes], opened: list[str]
) -> None:
    forged = [token[:-8] + "AAAAAAAA" for token in cold_tokens(gated, len(cold))]
    for lane, token in zip(lines.lanes, forged, strict=True):
        lane.data_received(ask_with(token))
    await asyncio.sleep(0)
    assert lines.statuses == [[b"401"]] * SEVERAL
    assert opened == forged


async def test_behind_what_is_dear_it_is_worth_to_wait_for_others(
    server: ProtocolServer, warm: bytes, cold: list[bytes]
) -> None:
    one = Lines(server, 1)
    await turn()
    one.ask(warm)
    await asyncio.sleep(0)
    for octets in (warm, cold[0]):
        one.clear()
        one.ask(octets)
        assert one.statuses == [[b"200"]]
    one.clear()
    one.ask(warm)
    assert one.statuses == [[]]
    await asyncio.sleep(0)
    assert one.statuses == [[b"200"]]
    one.close()


async def test_who_asks_for_the_last_time_is_answered_once(lines: Lines, gated: Gated) -> None:
    person = ("Authorization", f"Bearer {gated.tokens['alice']}")
    octets = question("traefik", person, ("Connection", "close"))
    for _ in range(2):
        lines.ask(octets)
        await turn()
        assert lines.statuses == [[b"200"]] * SEVERAL


async def test_where_few_come_each_is_answered_at_once(server: ProtocolServer, warm: bytes) -> None:
    count = FEW - 1
    few = Lines(server, count)
    await turn()
    few.ask(warm)
    assert few.statuses == [[]] * count  # one turn to see how many come
    await asyncio.sleep(0)
    few.clear()
    for _ in range(ALONE // count):
        few.ask(warm)
        assert few.statuses == [[b"200"]] * count
        few.clear()
    left = ALONE % count
    few.ask(warm)  # and one to see whether it is still so
    assert few.statuses == [[b"200"]] * left + [[]] * (count - left)
    await asyncio.sleep(0)
    assert few.statuses == [[b"200"]] * count
    few.close()


async def test_what_comes_behind_what_is_held_is_answered_behind_it(
    lines: Lines, warm: bytes
) -> None:
    refused = question("traefik")
    for octets in (warm, refused, warm):
        lines.ask(octets)
    await turn()
    assert lines.statuses == [[b"200", b"401", b"200"]] * SEVERAL


@pytest.mark.parametrize("end", ["eof_received", "close", "_process_keepalive"])
async def test_what_is_held_as_the_connection_ends_is_answered(
    lines: Lines, warm: bytes, end: str
) -> None:
    lines.ask(warm)
    for lane in lines.lanes:
        getattr(lane, end)()
    assert lines.statuses == [[b"200"]] * SEVERAL


async def test_what_is_held_as_the_connection_is_lost_harms_nobody(
    lines: Lines, warm: bytes
) -> None:
    lines.ask(warm)
    for lane in lines.lanes[1:]:
        lane.connection_lost(None)
    await turn()
    assert lines.statuses == [[b"200"], *[[]] * (SEVERAL - 1)]


async def test_a_part_of_a_question_waits_for_the_rest(lines: Lines, warm: bytes) -> None:
    for place in range(1, len(warm), 97):
        lines.ask(warm[:place])
        await turn()
        assert lines.statuses == [[]] * SEVERAL
        lines.ask(warm[place:])
        await turn()
        assert lines.statuses == [[b"200"]] * SEVERAL
        lines.clear()


@pytest.mark.parametrize("stage", ["parse_held", "deal_with", "work", "finish", "write"])
@pytest.mark.parametrize("end", [None, "eof_received", "close", "_process_keepalive"])
async def test_a_bug_ends_one_connection_and_no_other(
    lines: Lines, cold: list[bytes], stage: str, end: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: type[Lane | Line] = Line if stage == "write" else Lane
    broken: Any = lines.gateways[1] if stage == "write" else lines.lanes[1]
    told = list[dict[str, Any]]()
    whole = getattr(place, stage)

    def breaks(each: Any, *parts: Any) -> Any:
        if each is broken and (stage != "parse_held" or each._held):
            each._held = None
            raise ValueError("a bug")
        return whole(each, *parts)

    monkeypatch.setattr(place, stage, breaks)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        for lane, octets in zip(lines.lanes, cold, strict=True):
            lane.data_received(octets)
        if end is not None:
            for lane in lines.lanes:
                getattr(lane, end)()
        await turn()
    finally:
        loop.set_exception_handler(None)
    answered = [[b"200"]] * SEVERAL
    answered[1] = []
    assert lines.statuses == answered
    assert [each.aborted for each in lines.gateways].count(True) == 1
    assert [context["protocol"] for context in told] == [lines.lanes[1]]
