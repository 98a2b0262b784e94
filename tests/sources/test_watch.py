"""What is watched is read when it changes; what cannot be read leaves the old in force."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidecar.clock import read_clock
from sidecar.errors import DocumentInvalid, SidecarError, StoreUnavailable
from sidecar.sources import watch as watch_module
from sidecar.sources.watch import PERIOD, Signature, Watched, sign_files

pytestmark = pytest.mark.asyncio

PROMISE = 2.0  # seconds in which a change is in force
PATIENCE = 15.0  # seconds; what takes longer on any machine has failed


class Source:
    """A file with one line; what is wrong beyond it is put in `trouble`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: SidecarError | None = None
        self.reads = 0
        self.adopted: list[str] = []
        self.looks: list[float] = []
        self.looked = asyncio.Event()
        self.turned = asyncio.Event()
        self.changed = asyncio.Event()
        self.watched = Watched("source", self.sign, self.read)

    def sign(self) -> Signature:
        return sign_files([self.path])

    async def read(self) -> str:
        self.reads += 1
        self.turned.set()
        if self.trouble is not None:
            raise self.trouble
        text = self.path.read_text()
        if text == "wrong":
            raise DocumentInvalid(("line 1: is wrong",))
        return text

    async def until_read(self, times: int = 1) -> None:
        """Wait until it was read so many times more."""
        wanted = self.reads + times
        async with asyncio.timeout(PATIENCE):
            while self.reads < wanted:
                self.turned.clear()
                await self.turned.wait()
        await asyncio.sleep(0)  # the watcher goes on in the turn after the reading

    async def until_adopted(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.adopted[-1:] != [text]:
                self.changed.clear()
                await self.changed.wait()

    async def until_logged(self, caplog: pytest.LogCaptureFixture, message: str) -> None:
        """Wait for a line that is written in the turns after the adoption."""
        async with asyncio.timeout(PATIENCE):
            while message not in caplog.messages:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0)

    async def until_looked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.looks) < times:
                self.looked.clear()
                await self.looked.wait()

    def note(self, at: float) -> None:
        self.looks.append(at)
        self.looked.set()

    def adopt(self, text: str) -> None:
        self.adopted.append(text)
        self.changed.set()


@asynccontextmanager
async def watching(source: Source) -> AsyncIterator[Source]:
    running = asyncio.create_task(source.watched.run(source.adopt, source.note))
    try:
        yield source
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "source"
    path.write_text("first")
    return Source(path)


async def test_what_is_first_opened_is_not_read_again(source: Source) -> None:
    assert await source.watched.open() == "first"
    async with watching(source):
        await asyncio.sleep(PROMISE)
    assert source.reads == 1


async def test_what_cannot_be_opened_says_so(source: Source) -> None:
    source.path.write_text("wrong")
    with pytest.raises(DocumentInvalid, match="line 1"):
        await source.watched.open()


async def test_a_change_is_in_force_within_two_periods(source: Source) -> None:
    await source.watched.open()
    async with watching(source):
        source.path.write_text("second")
        began = asyncio.get_running_loop().time()
        await source.until_adopted("second")
        assert asyncio.get_running_loop().time() - began < PROMISE


async def test_a_change_between_the_first_reading_and_the_first_look_is_seen(
    source: Source,
) -> None:
    await source.watched.open()
    source.path.write_text("second")
    async with watching(source):
        await source.until_adopted("second")


async def test_a_change_while_it_is_being_read_is_seen(source: Source) -> None:
    """What was read may be the old or half of the new: only a look from before counts as seen."""
    original, later = source.read, ["second", "third"]

    async def read() -> str:
        text = await original()
        if later:
            source.path.write_text(later.pop(0))
        return text

    source.watched = Watched("source", source.sign, read)
    assert await source.watched.open() == "second"
    async with watching(source):
        await source.until_adopted("third")


async def test_a_wrong_change_leaves_the_old_in_force_until_it_is_right(source: Source) -> None:
    await source.watched.open()
    async with watching(source):
        source.path.write_text("wrong")
        await source.until_read()
        assert source.watched.problem == "line 1: is wrong"
        assert source.adopted == []
        source.path.write_text("right")
        await source.until_adopted("right")
        assert source.watched.problem is None


async def test_a_look_counts_where_what_lies_there_is_in_force(source: Source) -> None:
    before = read_clock().monotonic
    await source.watched.open()
    opened = read_clock().monotonic
    async with watching(source):
        await source.until_looked(3)
        assert before <= source.looks[0] <= opened < source.looks[1] < source.looks[2]
        source.path.write_text("wrong")
        await source.until_read()
        known = len(source.looks)
        await asyncio.sleep(PROMISE)  # nothing tells what does not happen
        assert len(source.looks) == known
        source.path.write_text("right")
        written = read_clock().monotonic
        await source.until_looked(known + 1)
        assert source.adopted == ["right"]
        assert source.looks[-1] > written - PROMISE


async def test_a_wrong_file_is_not_read_again_and_again(source: Source) -> None:
    """A policy of ten thousand rules takes a second to read."""
    await source.watched.open()
    async with watching(source):
        source.path.write_text("wrong")
        await source.until_read()
        reads = source.reads
        await asyncio.sleep(PROMISE)
        assert source.reads == reads


async def test_a_change_that_came_while_a_store_was_away_is_read_once_it_is_back(
    source: Source,
) -> None:
    await source.watched.open()
    async with watching(source):
        source.trouble = StoreUnavailable("the database is locked")
        source.path.write_text("second")
        await source.until_read(2)
        assert source.watched.problem == "the database is locked"
        source.trouble = None
        await source.until_adopted("second")
        assert source.watched.problem is None


async def test_a_problem_that_stays_is_logged_once(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    await source.watched.open()
    async with watching(source):
        source.trouble = StoreUnavailable("the database is locked")
        source.path.write_text("second")
        await source.until_read(3)
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        source.trouble = StoreUnavailable("the connection was lost")
        await source.until_read(2)
        causes = [vars(record)["cause"] for record in caplog.records]
        assert causes == ["the database is locked", "the connection was lost"]


async def test_who_asks_gets_a_reading_at_once_although_nothing_changed(source: Source) -> None:
    await source.watched.open()
    async with watching(source):
        began = asyncio.get_running_loop().time()
        source.watched.ask()
        await source.until_adopted("first")
        assert asyncio.get_running_loop().time() - began < PERIOD


async def test_who_asks_is_told_of_a_problem_that_was_logged_before(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    await source.watched.open()
    async with watching(source):
        source.path.write_text("wrong")
        await source.until_read()
        source.watched.ask()
        await source.until_read()
        assert len(caplog.records) == 2


async def test_what_is_in_force_is_logged_with_what_changed(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    adopted: list[list[str]] = []

    async def describe() -> Mapping[str, object]:
        adopted.append(list(source.adopted))
        await asyncio.sleep(0)
        return {"lines_changed": [1]}

    source.watched = Watched("source", source.sign, source.read, describe)
    caplog.set_level(logging.INFO)
    await source.watched.open()
    async with watching(source):
        source.path.write_text("wrong")
        await source.until_read()
        source.path.write_text("second")
        await source.until_adopted("second")
        await source.until_logged(caplog, "source: read")
    (record,) = (each for each in caplog.records if each.levelno == logging.INFO)
    assert vars(record)["lines_changed"] == [1]
    assert adopted == [["second"]]  # in force before it was described, and never what was wrong


async def test_a_file_system_that_hangs_is_told_of_until_it_answers(
    source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await source.watched.open()
    answers = threading.Event()

    def sign() -> Signature:
        answers.wait(PATIENCE)
        return source.sign()

    monkeypatch.setattr(watch_module, "SILENT", 0.05)
    monkeypatch.setattr(source.watched, "_sign", sign)
    async with watching(source):
        try:
            await source.until_logged(caplog, "source: the old one stays in force")
            assert source.watched.problem == "no answer for 0.05 s: does the file system hang?"
            assert len(source.looks) == 1  # that of the start
        finally:
            answers.set()
        await source.until_adopted("first")
        await source.until_looked(2)
        assert source.watched.problem is None
    assert len(caplog.messages) == 1


async def test_a_bug_is_not_taken_for_a_wrong_source(source: Source) -> None:
    async def read() -> str:
        raise ZeroDivisionError

    watched = Watched("source", source.sign, read)
    watched.ask()
    with pytest.raises(ZeroDivisionError):
        await watched.run(source.adopt)
