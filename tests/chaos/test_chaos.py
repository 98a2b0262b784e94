"""A minute of faults drawn from a seed: not one wrong answer. The seed of a failure repeats it."""

import logging
import secrets
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.runner import run_chaos
from tests.chaos.schedule import draw_schedule

log = logging.getLogger(__name__)

pytestmark = pytest.mark.asyncio

SECONDS: Final = 60.0
FEWEST_ASKED: Final = 300  # a tenth of what a machine does; less would say nothing
FEWEST_REVOKED: Final = 10
FEWEST_FAULTS: Final = 10


async def test_a_minute_of_faults_has_not_one_wrong_answer(tmp_path: Path) -> None:
    seed = secrets.randbelow(2**31)
    # Shown where it fails, however it does.
    log.warning("make chaos SECONDS=%.0f SEED=%d", SECONDS, seed)
    report = await run_chaos(tmp_path, seed, SECONDS, draw_schedule(seed, SECONDS))
    told = "\n".join(report.lines())
    assert report.asked >= FEWEST_ASKED, told
    assert report.acknowledged >= FEWEST_REVOKED, told
    assert report.faults.total() >= FEWEST_FAULTS, told
