"""While a process serves, a thread that runs Python holds up no answer for long."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio

PAUSE = 0.001  # seconds
SOON = 0.004  # seconds; without, the pause and five milliseconds at least
TURNS = 100  # of the loop; on a machine that does much else one of them is not disturbed


@contextmanager
def busy_thread() -> Iterator[None]:
    """Run Python in another thread for the length of the block."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            sum(range(100))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def test_the_loop_has_the_interpreter_back_soon(tmp_path: Path) -> None:
    before = sys.getswitchinterval()
    took = []
    async with serving_web(tmp_path):
        with busy_thread():
            for _ in range(TURNS):
                began = time.perf_counter()
                await asyncio.sleep(PAUSE)  # in which the thread has the lock
                took.append(time.perf_counter() - began)
    assert sorted(took)[TURNS // 4] < SOON
    assert sys.getswitchinterval() == before
