"""How long somebody who logged out is let in elsewhere, under load: from outside, and by /metrics.

`make propagation` does it with 2 000 logouts and shows the figures.
"""

import asyncio
import math
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from aiohttp import ClientSession

from tests.bench.questions import ISSUER, Sealer
from tests.faults.asking import PATIENCE, ask, log_out
from tests.faults.pairs import Pair, serving_pair
from tests.programs.redis import serving_redis
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

REVOCATIONS: Final = int(os.environ.get("PROPAGATION_REVOCATIONS", "200"))
BOUNDS: Final = {"postgresql and redis": 0.25, "sqlite": 1.0}  # seconds, of 99 in a hundred
WORKERS: Final = 4  # log somebody out at the same time
PAUSE: Final = 0.25  # seconds between two logouts of a worker, on average
ASKERS: Final = 8  # at each process
ASKER_PAUSE: Final = 0.02  # seconds between two questions of an asker
LOOK: Final = 0.002  # seconds between two questions about somebody who was logged out
# Both count from the acknowledgement. A client hears of that later than it is given, and asks again
# a little later than the view has changed: so many seconds in either direction, on a busy machine.
TOLERANCE: Final = 0.05
MANY: Final = 300  # canaries, of which the slowest in a hundred says something
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "server": {"public_url": ISSUER},
    "revocation": {"canary": "1s"},
}
SAMPLE: Final = re.compile(r"^(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class Measured(NamedTuple):
    """What a process says of itself: canaries of the other one by bucket, not summed up."""

    buckets: Counter[float]
    replicas: float
    revocations: float


def find_quantile(values: Sequence[float], part: float) -> float:
    """Return the least of these that so large a part of them does not exceed."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def find_bucket(buckets: Counter[float], part: float) -> tuple[float, float]:
    """Return between which bounds that quantile lies."""
    wanted, counted = math.ceil(part * buckets.total()), 0
    for low, high in pairwise([0.0, *sorted(buckets)]):
        counted += buckets[high]
        if counted >= wanted:
            return low, high
    raise AssertionError(buckets)


async def read_metrics(client: ClientSession, service: Service) -> Measured:
    async with client.get(f"{service.operations}/metrics") as answer:
        samples = SAMPLE.findall(await answer.text())
    sums: Counter[float] = Counter()
    single = {}
    for name, labels, value in samples:
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if not label:
            single[name] = float(value)
        elif (
            name == "sidecar_revocation_propagation_seconds_bucket" and label["replica"] == "other"
        ):
            sums[float(label["le"])] += int(float(value))
    bounds = sorted(sums)
    apart = Counter({high: sums[high] - sums[low] for low, high in pairwise(bounds)})
    apart[bounds[0]] = sums[bounds[0]]
    return Measured(
        apart, single["sidecar_revocation_canary_replicas"], single["sidecar_revocations"]
    )


@asynccontextmanager
async def carrying(
    carrier: str, directory: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """Run two processes on what carries their revocations."""
    settings = dict(SETTINGS)
    async with AsyncExitStack() as stack:
        if carrier != "sqlite":
            (directory / "redis").mkdir()
            redis = await stack.enter_async_context(serving_redis(directory / "redis"))
            settings["redis"] = {"url": redis.url}
            settings["database"] = {"url": request.getfixturevalue("postgres").make_database()}
        running = serving_pair(directory, settings, upgrade="database" in settings, user=None)
        yield await stack.enter_async_context(running)


@asynccontextmanager
async def loading(client: ClientSession, pair: Pair, sealer: Sealer) -> AsyncIterator[None]:
    """Have both processes asked about people who stay, for the length of the block."""

    async def go_on_asking(service: Service, token: str) -> None:
        while True:
            assert await ask(client, service, token) == 200
            await asyncio.sleep(ASKER_PAUSE)

    async with asyncio.TaskGroup() as group:
        askers = [
            group.create_task(go_on_asking(service, seal(sealer)))
            for service in (pair.one, pair.other)
            for _ in range(ASKERS)
        ]
        yield
        for asker in askers:
            asker.cancel()


def seal(sealer: Sealer) -> str:
    """Return an access token of a session of its own."""
    return sealer.bearer(0).removeprefix("Authorization: Bearer ")


async def revoke(client: ClientSession, here: Service, there: Service, token: str) -> float:
    """Log out at one process, and ask the other one until it refuses.

    Return how many seconds that was answered after the logout was.
    """
    assert await ask(client, there, token) == 200
    acknowledged = await log_out(client, here, token)
    while (status := await ask(client, there, token)) == 200:
        assert time.monotonic() - acknowledged < PATIENCE, "still let in"
        await asyncio.sleep(LOOK)
    assert status == 401
    return time.monotonic() - acknowledged


async def revoke_all(client: ClientSession, pair: Pair, sealer: Sealer) -> list[float]:
    """Do all of it, by turns in both directions."""
    ways = iter([pair.ways()[number % 2] for number in range(REVOCATIONS)])

    async def work() -> list[float]:
        late = []
        for here, there in ways:
            late.append(await revoke(client, here, there, seal(sealer)))
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE)  # noqa: S311 - no secret
        return late

    async with loading(client, pair, sealer):
        done = await asyncio.gather(*(work() for _ in range(WORKERS)))
    return [each for some in done for each in some]


@pytest.mark.parametrize("carrier", BOUNDS)
async def test_what_metrics_say_is_what_is_seen_from_outside_and_within_the_promise(
    carrier: str, tmp_path: Path, client: ClientSession, request: pytest.FixtureRequest
) -> None:
    async with carrying(carrier, tmp_path, request) as pair:
        late = await revoke_all(client, pair, Sealer.of(tmp_path / "keys"))
        measured = [await read_metrics(client, each) for each in (pair.one, pair.other)]
    assert len(late) == REVOCATIONS
    buckets = measured[0].buckets + measured[1].buckets
    figures = [find_quantile(late, part) for part in (0.5, 0.99, 1.0)]
    told = (
        f"{carrier}: {len(late)} logouts, from 204 to the first refusal elsewhere: median"
        " {:.0f} ms, p99 {:.0f} ms, most {:.0f} ms".format(*(1000 * each for each in figures))
        + f"; {buckets.total()} canaries of the other one, in seconds: median in"
        f" {find_bucket(buckets, 0.5)}, p99 in {find_bucket(buckets, 0.99)}"
    )
    sys.stdout.write(f"\n{told}\n")
    assert figures[1] <= BOUNDS[carrier], told
    assert buckets.total() >= REVOCATIONS / 20, told  # fewer would say nothing
    for part in (0.5, 0.99) if buckets.total() >= MANY else (0.5,):
        low, high = find_bucket(buckets, part)
        assert low - TOLERANCE <= find_quantile(late, part) <= high + TOLERANCE, told
    # Each heard of both, and counts the logouts alone.
    assert [each.replicas for each in measured] == [2, 2]
    assert [each.revocations for each in measured] == [REVOCATIONS, REVOCATIONS]
