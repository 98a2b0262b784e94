"""`make speed` tells a start that is soon from one that is not, and measures real ones."""

import os
from pathlib import Path

import pytest

from tests.bench.starts import MOST, STARTS, TRIES, Starts, measure_starts


def test_the_best_of_the_starts_is_held_against_the_best_of_the_imports() -> None:
    assert Starts([9.0, MOST], [1.0, 9.0]).holds
    assert not Starts([9.0, MOST + 0.01], [1.0, 9.0]).holds


@pytest.mark.asyncio
async def test_starts_and_imports_are_measured_in_turn(tmp_path: Path) -> None:
    """On a core that others use too: how soon it was is judged where nothing else runs."""
    starts = await measure_starts(tmp_path, min(os.sched_getaffinity(0)))
    assert len(starts.ready) == len(starts.imports)
    assert len(starts.ready) in range(STARTS, TRIES * STARTS + 1, STARTS)
    assert all(0 < each < 60 for each in (*starts.ready, *starts.imports))
