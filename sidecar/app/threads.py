"""How the event loop shares the interpreter with the threads beside it.

They write to SQL, read keys and prepare hashes. Whoever wants the interpreter's lock waits until
its holder waits for something, or for CPython's switch interval: five milliseconds, for which
every answer would be late while a thread runs Python.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SWITCH: Final = 0.0005  # seconds; to switch takes a hundredth of it


@contextmanager
def switching_soon() -> Iterator[None]:
    """Let no thread hold the interpreter for longer than `SWITCH`, for the length of the block."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
