"""What measures the coverage may not keep the suite from ending."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

pytestmark = pytest.mark.asyncio

DEADLINE = 60.0  # seconds; it takes one
# The main thread drops the greenlet of the first thread in a pending call. Where Python is called
# for that, another is made to wait, as the end of a second thread does now and then.
ENDING = """
import ctypes, threading, weakref
import greenlet

DO_NOTHING = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
kept = []


def end_second_thread(_):
    ctypes.pythonapi.Py_AddPendingCall(DO_NOTHING, None)
    begin()


def begin():
    pass


def first_thread():
    kept.append(weakref.ref(greenlet.getcurrent(), end_second_thread))


thread = threading.Thread(target=first_thread)
thread.start()
thread.join()
for _ in range(100_000):
    begin()
print("ended")
"""


async def test_a_program_goes_on_when_measured_threads_end(tmp_path: Path) -> None:
    program = tmp_path / "ending.py"
    program.write_text(ENDING)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coverage", "run"),
        *("--rcfile", ROOT / "pyproject.toml", program),
        cwd=tmp_path,
        env={**os.environ, "COVERAGE_FILE": str(tmp_path / "data")},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out) == (0, b"ended\n")
