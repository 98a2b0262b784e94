"""Many who show a seal at once are looked up a few at a time, and strangers not again and again."""

import asyncio
from collections.abc import Collection

import pytest

from sidecar.credentials.beliefs import LONGEST_BELIEF
from sidecar.credentials.buckets import Asked, BucketNames, draw_device
from sidecar.credentials.recognition import (
    LOOKS_AT_ONCE,
    MOST_IN_LINE,
    MOST_OF_USER,
    Recognition,
)
from sidecar.errors import Overloaded
from tests.contracts.sql_stores import NOW
from tests.contracts.throttles import MemoryMarks

pytestmark = pytest.mark.asyncio

NAMES = BucketNames(b"k" * 32, logins_per_hour=600)


class WatchedMarks(MemoryMarks):
    """Counts its readers; while the gate is shut each waits."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked = self.reading = self.most = 0

    async def find_marks(self, username: str, places: Collection[str], now: int) -> Collection[str]:
        self.asked += 1
        self.reading += 1
        self.most = max(self.most, self.reading)
        await self.gate.wait()
        self.reading -= 1
        return await super().find_marks(username, places, now)


@pytest.fixture
def marks() -> WatchedMarks:
    return WatchedMarks()


@pytest.fixture
def recognition(marks: WatchedMarks) -> Recognition:
    return Recognition(marks)


def ask(name: str, device: str | None = None) -> Asked:
    """Return who asks with a seal of ours for this name."""
    return NAMES.ask(name, "192.0.2.1", NAMES.seal_device(name, device or draw_device()))


async def begin(
    recognition: Recognition, names: Collection[str]
) -> tuple[list[asyncio.Task[Asked]], int]:
    """Let one of each name show a seal; return those who wait, and how many were sent away."""
    looks = [asyncio.create_task(recognition.recognise(ask(name), NOW)) for name in names]
    for _ in range(3):
        await asyncio.sleep(0)
    return looks, sum(look.done() for look in looks)


async def end(looks: Collection[asyncio.Task[Asked]]) -> tuple[int, int]:
    """Return how many were looked up, and how many were sent away."""
    ended = await asyncio.gather(*looks, return_exceptions=True)
    away = sum(isinstance(each, Overloaded) for each in ended)
    return sum(isinstance(each, Asked) for each in ended), away


async def test_thousands_at_once_are_looked_up_a_few_at_a_time_from_a_bounded_line(
    marks: WatchedMarks, recognition: Recognition
) -> None:
    looks, away = await begin(recognition, [f"gone{number}" for number in range(3_000)])
    assert away == 3_000 - MOST_IN_LINE
    marks.gate.set()
    assert await end(looks) == (MOST_IN_LINE, away)
    assert (marks.most, marks.asked) == (LOOKS_AT_ONCE, MOST_IN_LINE)
    marks.most = 0
    assert await end((await begin(recognition, ["one more"]))[0]) == (1, 0)


async def test_thousands_of_one_user_keep_no_other_user_from_being_looked_up(
    marks: WatchedMarks, recognition: Recognition
) -> None:
    await marks.put_marks("alice", (0, 0), [device := draw_device()], NOW)
    looks, away = await begin(recognition, ["gone"] * 3_000)
    assert away == 3_000 - MOST_OF_USER
    alice = asyncio.create_task(recognition.recognise(ask("alice", device), NOW))
    marks.gate.set()
    assert (await alice).has_known_device
    assert await end(looks) == (MOST_OF_USER, away)


@pytest.mark.parametrize(("later", "asks"), [(0, 1), (LONGEST_BELIEF - 1, 1), (LONGEST_BELIEF, 2)])
async def test_whoever_was_a_stranger_a_moment_ago_is_not_looked_up_again(
    marks: WatchedMarks, recognition: Recognition, later: int, asks: int
) -> None:
    marks.gate.set()
    gone = ask("gone")
    for now in (NOW, NOW + later):
        assert not (await recognition.recognise(gone, now)).has_known_device
    assert marks.asked == asks


async def test_a_device_that_has_logged_in_meanwhile_is_known_at_once(
    marks: WatchedMarks, recognition: Recognition
) -> None:
    marks.gate.set()
    alice = ask("alice", device := draw_device())
    assert not (await recognition.recognise(alice, NOW)).has_known_device
    await marks.put_marks("alice", (0, 0), [device], NOW)
    recognition.welcome(alice)
    assert (await recognition.recognise(alice, NOW)).has_known_device


async def test_while_the_database_hangs_nobody_waits_for_it_without_end(
    monkeypatch: pytest.MonkeyPatch, recognition: Recognition, marks: WatchedMarks
) -> None:
    monkeypatch.setattr("sidecar.credentials.recognition.LONGEST_IN_LINE", 0.05)
    looks, _ = await begin(recognition, [f"user{number}" for number in range(LOOKS_AT_ONCE + 5)])
    await asyncio.wait(looks, timeout=1)
    assert sum(isinstance(look.exception(), Overloaded) for look in looks if look.done()) == 5
    marks.gate.set()
    assert await end(looks) == (LOOKS_AT_ONCE, 5)


async def test_whoever_shows_no_seal_is_not_looked_up_ahead_of_their_place(
    marks: WatchedMarks, recognition: Recognition
) -> None:
    stranger = NAMES.ask("alice", "192.0.2.1", "no seal")
    assert await recognition.recognise(stranger, NOW) is stranger
    assert marks.asked == 0
