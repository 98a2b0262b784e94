"""The model can fail: replicas whose feed loses a revocation are caught by it."""

from pathlib import Path
from typing import Final

import pytest

from tests.chaos.model import WrongAnswer
from tests.chaos.runner import run_chaos
from tests.chaos.schedule import Fault, Planned

pytestmark = pytest.mark.asyncio

SECONDS: Final = 60.0  # in which it has to be found; it mostly takes a tenth of that

# What a replica that stood still has not read yet is lost to it when Redis is emptied. A feed that
# sees the other incarnation knows so, and does not count as fresh what it reads from there on. The
# first message is on its way already: it takes two, so there is more than one try.
MISSED: Final = [
    planned
    for at in range(3, 52, 6)
    for planned in (
        Planned(at, Fault.REPLICA_PAUSED, 3.0, "replica 2"),
        Planned(at + 2.7, Fault.REDIS_FLUSHED, 0.0, "redis"),
    )
]


async def test_a_feed_that_drops_one_message_is_caught(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswer, match=r"SEED=1(.|\n)*let in what it refuses since"):
        await run_chaos(tmp_path, 1, SECONDS, [], ("tests.chaos.broken", "drop"))


async def test_a_feed_that_ignores_another_incarnation_is_caught(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswer, match=r"(replica 2|gateway) let in what it refuses since"):
        await run_chaos(tmp_path, 1, SECONDS, MISSED, ("tests.chaos.broken", "incarnation"))
