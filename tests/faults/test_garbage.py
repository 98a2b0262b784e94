"""While a process serves, collecting garbage holds nobody up, and loses nothing."""

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import pytest_asyncio

from sidecar.app.garbage import FEW, LOOK, MOST, WAITS, count_new
from tests.web.asked import head
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONGEST = 0.005  # seconds of CPU
ENTRIES = 30_000  # as many as a gate may remember
SLICE = 200  # entries that are made between two turns of the loop
PATIENCE = 20.0  # seconds
COUNTING = 2.0  # seconds


class Entry:
    """What a cache may keep: three objects that the collector looks at."""

    def __init__(self) -> None:
        self.claims: dict[str, object] = {"roles": []}
        self.other: object = None


def make_ring() -> weakref.ref[Entry]:
    """Make one that nobody but itself refers to."""
    entry = Entry()
    entry.other = entry
    return weakref.ref(entry)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service, and give back to the collector what it keeps from it."""
    async with serving_web(tmp_path_factory.mktemp("garbage")) as served:
        yield served
    gc.unfreeze()


@contextmanager
def timed() -> Iterator[list[float]]:
    """Note the seconds of CPU of each collection."""
    spent: list[float] = []

    def note(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            spent.append(-time.thread_time())
        else:
            spent[-1] += time.thread_time()

    gc.callbacks.append(note)
    try:
        yield spent
    finally:
        gc.callbacks.remove(note)


async def fill(kept: list[Any]) -> None:
    """Make as many entries as there may be, and replace all of them by others."""
    for turn in range(2):
        for number in range(ENTRIES):
            if turn:
                kept[number] = Entry()
            else:
                kept.append(Entry())
            if number % SLICE == 0:
                await asyncio.sleep(0.001)


async def until_frozen(before: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while gc.get_freeze_count() <= before:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(LOOK)


@pytest.mark.usefixtures("web")
async def test_no_collection_takes_long_while_a_gate_fills_its_caches() -> None:
    longest = []
    for _ in range(3):  # what else this machine does is in some of them
        kept: list[Any] = []
        with timed() as spent:
            await fill(kept)
        longest.append(max(spent))
        if longest[-1] < LONGEST:
            return
    pytest.fail(f"seconds: {longest}")


@pytest.mark.usefixtures("web")
async def test_what_refers_to_itself_is_collected_before_anything_is_frozen() -> None:
    rings = [make_ring() for _ in range(FEW)]
    async with asyncio.timeout(PATIENCE):
        while any(ring() is not None for ring in rings):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK)


@asynccontextmanager
async def asking_slowly(web: Web) -> AsyncIterator[None]:
    """Keep a request under way for the length of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    try:
        writer.write(head("POST", "/login", "Content-Type: application/json", "Content-Length: 9"))
        async with asyncio.timeout(PATIENCE):
            while not web.serving.garbage.busy:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        yield
        writer.write(b"{} {} {} ")
        await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def test_while_a_request_is_under_way_nothing_is_frozen(web: Web) -> None:
    """What it leaves behind may refer to itself: nobody would ever find it."""
    async with asking_slowly(web):
        before = gc.get_freeze_count()
        kept = [Entry() for _ in range(FEW)]
        for _ in range(2 * WAITS):
            web.serving.garbage.tidy()
        assert gc.get_freeze_count() <= before
    await until_frozen(before)
    assert len(kept) == FEW


async def test_while_requests_never_end_garbage_is_collected_but_not_again_and_again(
    web: Web,
) -> None:
    async with asking_slowly(web):
        ring = make_ring()
        kept = [Entry() for _ in range(MOST)]
        with timed() as spent:
            for _ in range(4 * WAITS):
                web.serving.garbage.tidy()
        assert len(kept) == MOST
        assert ring() is None
        assert len(spent) < 4


async def test_counting_breaks_no_tuple_that_another_thread_fills() -> None:
    """As who makes keys does; without the care that is taken some fail each second."""
    failed: list[SystemError] = []
    goes_on = True

    def fill() -> None:
        while goes_on:
            try:
                tuple(each for each in range(40))
            except SystemError as error:
                failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    other = threading.Thread(target=fill)
    other.start()
    try:
        until = time.monotonic() + COUNTING
        while time.monotonic() < until:
            count_new()
    finally:
        goes_on = False
        other.join()
        sys.setswitchinterval(before)
    assert failed == []
