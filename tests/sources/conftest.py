"""What every test of the sources shares."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """Give back to the garbage collector what a new policy keeps from it: it finds what leaks."""
    yield
    gc.unfreeze()
