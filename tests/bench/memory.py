"""How soon the service is ready, and what it weighs: at rest, after many tokens, after bad ones."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.bad import BAD
from tests.bench.load import Answers, LoadFailed, send, write_requests
from tests.bench.measure import CONNECTIONS, Server, resident_mb
from tests.bench.plan import Bench
from tests.bench.questions import Sealer, render_each
from tests.bench.report import (
    MOST_GROWN,
    MOST_LOADED,
    MOST_READY,
    MOST_RESIDENT,
    Limit,
    line,
    title,
)
from tests.bench.servers import make_measured_service, pinned, serving_measured

BATCH: Final = 5000  # tokens that are sealed while the batch before is shown
BATCH_SECONDS: Final = 60  # at most
STEP_SECONDS: Final = 10  # at most, in `make bench`
STEPS: Final = 10  # of a flood, after each of which the memory is looked at
WARM: Final = 1000  # good tokens, among which the bad ones stand
# Ten million lines would fill a disk.
QUIET: Final = {"log": {"level": "warning"}}


class Mix(NamedTuple):
    """How many requests with bad tokens stand behind how many with good ones."""

    good: int
    bad: int


MIX: Final = Mix(good=1, bad=4)


@dataclass(frozen=True, slots=True)
class Flooded:
    """MB after each step of a flood, in all of which so many `bad` tokens were among `requests`."""

    requests: int
    bad: int
    resident: Sequence[float]

    @property
    def grown(self) -> float:
        """By how many MB it is larger than after the first step."""
        return max(self.resident) - self.resident[0]


@dataclass(frozen=True, slots=True)
class Memory:
    """Seconds until it was `ready`, and MB at `rest` and after so many different `valid` tokens."""

    ready: float
    rest: float
    loaded: float
    valid: int
    flood: Flooded

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit("ready after", self.ready, MOST_READY, "s")
        yield Limit("memory at rest", self.rest, MOST_RESIDENT, "MB")
        yield Limit(f"memory after {self.valid} different tokens", self.loaded, MOST_LOADED, "MB")
        yield Limit(f"what {self.flood.bad} bad ones add", self.flood.grown, MOST_GROWN, "MB")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield title("memory in a flood of bad tokens, MB", "first", "last")
        yield line(f"{self.flood.requests} requests", *self.flood.resident[:: STEPS - 1])


async def measure_memory(bench: Bench) -> Memory:
    """Return the figures of a process of its own for each. Raises LoadFailed."""
    core = bench.cores.servers
    service = make_measured_service(bench.folder / "service")
    # With keys of its own: to a new database, what older ones sealed is revoked.
    quiet = make_measured_service(bench.folder / "quiet", QUIET)
    with pinned(bench.cores.load):
        starts = []
        for _ in range(bench.plan.starts):
            async with serving_measured(service, core) as (_, ready_after):
                starts.append(ready_after)
        async with serving_measured(service, core) as (server, ready_after):
            starts.append(ready_after)
            rest = resident_mb(server.pid)
            bench.tell(f"{bench.plan.valid} different tokens")
            sealer = Sealer.of(service.directory / "keys")
            await show_valid(server, sealer, bench.plan.valid, bench.folder)
            loaded = resident_mb(server.pid)
        bench.tell(f"{bench.plan.bad} bad tokens")
        async with serving_measured(quiet, core) as (server, _):
            sealer = Sealer.of(quiet.directory / "keys")
            requests = bench.plan.bad * sum(MIX) // MIX.bad
            flood = await flood_with_bad(server, sealer, bench.folder, MIX, requests, STEP_SECONDS)
    # The first start has made keys, tables and byte code.
    return Memory(min(starts[1:]), rest, loaded, bench.plan.valid, flood)


async def show_valid(server: Server, sealer: Sealer, number: int, folder: Path) -> None:
    """Show so many different good tokens, each once. Raises LoadFailed."""

    def seal(first: int) -> Path:
        people = range(first, min(first + BATCH, number))
        requests = render_each(first, map(sealer.bearer, people))
        return write_requests(folder / f"valid-{first // BATCH % 2}", requests)

    file = seal(0)
    for first in range(0, number, BATCH):
        shown = min(BATCH, number - first)
        sealing = asyncio.to_thread(seal, first + BATCH)
        file, answers = await asyncio.gather(sealing, _send(server, file, BATCH_SECONDS, shown))
        # Those that are under way at the end are not counted.
        if answers.refused or answers.answered < shown - CONNECTIONS:
            raise LoadFailed(f"{shown} different tokens: {answers}")


async def flood_with_bad(
    server: Server, sealer: Sealer, folder: Path, mix: Mix, requests: int, seconds: int
) -> Flooded:
    """Send so many requests, in steps of so many seconds at most; no bad token is sent twice.

    What has not been sent by then is not sent. Raises LoadFailed.
    """
    file = write_requests(folder / "mixed", _mix(sealer, mix))
    sent = refused = 0
    resident = []
    for _ in range(STEPS):
        answers = await _send(server, file, seconds, requests // STEPS, sent)
        sent += answers.answered
        refused += answers.refused
        if abs(refused - sent * mix.bad / sum(mix)) > STEPS * CONNECTIONS:
            raise LoadFailed(f"of {sent} requests {refused} were refused, by {mix}")
        resident.append(resident_mb(server.pid))
    return Flooded(sent, refused, resident)


def _mix(sealer: Sealer, mix: Mix) -> Iterator[bytes]:
    tokens = [sealer.access(number) for number in range(WARM)]
    spoiled = itertools.cycle([spoil(tokens[0]) for spoil in BAD.values()])
    for first in range(0, WARM - mix.good + 1, mix.good):  # whole mixes alone
        shown = [*tokens[first : first + mix.good], *itertools.islice(spoiled, mix.bad)]
        yield from render_each(first, (f"Authorization: Bearer {token}" for token in shown))


async def _send(server: Server, file: Path, seconds: int, most: int, first: int = 0) -> Answers:
    answers = await send(
        server.url, file, seconds=seconds, connections=CONNECTIONS, most=most, first=first
    )
    if answers.failed:
        raise LoadFailed(f"{file.name}: {answers}")
    return answers
