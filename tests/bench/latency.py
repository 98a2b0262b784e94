"""How long an answer takes: alone, and while the service has other things to do.

    python -m tests.bench.latency [--short]

It is asked at a steady rate, a tenth of what it can answer, at random moments (paced.py). Meanwhile
strangers guess passwords, or a policy of 10 000 rules changes again as soon as it is in force, or
so many revocations have just come into the database that reading them takes most of the time. Each
round has all of these, and a part in which nothing else happens, which they are compared with.

The service has a core for itself and for what it starts: the threads that hash, and the process
that parses the policy. The client, the strangers and who writes to the database are on the other.
"""

import asyncio
import itertools
import json
import runpy
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.bench import paced
from tests.bench.load import LoadFailed, ask, write_requests
from tests.bench.meanwhile import Meanwhile
from tests.bench.measure import Server, Spread
from tests.bench.plan import Bench
from tests.bench.questions import Sealer
from tests.bench.report import MOST_ADDED, MOST_P99, Limit, line, title
from tests.bench.rules import MANY, make_policy, render_hosts
from tests.bench.servers import PYTHON, make_measured_service, pinned, serving_measured

ALONE: Final = "nothing else happens"
FLOOD: Final = "a flood of logins"
RELOAD: Final = "10 000 rules are read"
SNAPSHOT: Final = "revocations are read"

RATE: Final = 3000  # requests in a second; a tenth of what one core can answer
SECONDS: Final = 3  # of each part of a round
CONNECTIONS: Final = 32  # as many as gateways keep
ASKED: Final = 100  # tokens, each at a host of its own
PATIENCE: Final = 30.0  # seconds for the client to begin and to end


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds that answers took."""

    median: float
    p99: float
    p999: float

    @classmethod
    def of(cls, answers: Sequence[float]) -> "Took":
        """Return what half, 99 and 99.9 of a hundred of these did not exceed; they are in order."""
        places = (int(len(answers) * share) for share in (0.5, 0.99, 0.999))
        return cls(*(answers[place] for place in places))


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that answers took in each part: the median of the rounds.

    `added` is by how much the 99.9th of 100 is longer than when nothing else happens, round by
    round.
    """

    parts: Mapping[str, Took]
    added: Mapping[str, Spread]

    @classmethod
    def of(cls, rounds: Mapping[str, Sequence[Took]]) -> "Latency":
        """Return the figures of these rounds."""
        parts = {
            name: Took(*map(statistics.median, zip(*map(astuple, each), strict=True)))
            for name, each in rounds.items()
        }
        added = {
            name: Spread.of(
                [one.p999 - alone.p999 for one, alone in zip(each, rounds[ALONE], strict=True)]
            )
            for name, each in rounds.items()
            if name != ALONE
        }
        return cls(parts, added)

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit(f"an answer during {FLOOD}, p99", self.parts[FLOOD].p99, MOST_P99, "ms")
        for name in (RELOAD, SNAPSHOT):
            yield Limit(f"added to p99.9 while {name}", self.added[name].median, MOST_ADDED, "ms")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield title(f"an answer, {RATE} asked in a second, ms", "median", "p99", "p99.9")
        for name, took in self.parts.items():
            yield line(name, *astuple(took))
        yield title("added to p99.9, ms", "median", "least", "most")
        for name, added in self.added.items():
            yield line(name, added.median, added.least, added.most)


async def measure_latency(bench: Bench) -> Latency:
    """Return the figures. Raises LoadFailed."""
    with pinned(bench.cores.load):
        folder = bench.folder / "latency"
        database = f"sqlite:///{folder}/latency.db"
        policy = make_policy(MANY)
        settings = {"database": {"url": database}}
        service = make_measured_service(folder, settings, policy=policy)
        async with serving_measured(service, bench.cores.servers) as (server, _):
            sealer = Sealer.of(service.directory / "keys")
            tokens = [sealer.bearer(number) for number in range(ASKED)]
            requests = list(itertools.islice(render_hosts(tokens), ASKED))
            if {answer.status for answer in await ask(server.url, requests)} != {200}:
                raise LoadFailed("a policy of 10 000 rules refuses whom it should let in")
            file = write_requests(bench.folder / "requests", requests)
            meanwhile = Meanwhile(service, server, database, yaml.safe_dump(policy))
            return Latency.of(await _measure_rounds(meanwhile, file, bench))


async def _measure_rounds(
    meanwhile: Meanwhile, requests: Path, bench: Bench
) -> Mapping[str, Sequence[Took]]:
    rounds: dict[str, list[Took]] = {ALONE: [], RELOAD: [], SNAPSHOT: [], FLOOD: []}
    for number in range(bench.plan.rounds):
        bench.tell(f"how long an answer takes, round {number + 1} of {bench.plan.rounds}")
        happening: Mapping[str, AbstractAsyncContextManager[object]] = {
            ALONE: nullcontext(),
            RELOAD: meanwhile.reloading(),
            SNAPSHOT: meanwhile.revoking(bench.plan.revocations // bench.plan.rounds),
            FLOOD: meanwhile.flooding(),
        }
        for name, each in happening.items():
            await meanwhile.settle()
            async with each:
                rounds[name].append(await _ask(meanwhile.server, requests))
    return rounds


async def _ask(server: Server, requests: Path) -> Took:
    """Ask for as long as a part lasts. Raises LoadFailed."""
    port = server.url.rpartition(":")[2]
    numbers = map(str, (RATE, SECONDS, CONNECTIONS))
    client = await asyncio.create_subprocess_exec(
        *(*PYTHON, paced.__file__, port, str(requests), *numbers),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS + PATIENCE):
            out, err = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    if client.returncode != 0:
        raise LoadFailed(f"paced.py: {err.decode(errors='replace').strip()}")
    return Took.of(json.loads(out))


if __name__ == "__main__":
    sys.argv[1:1] = ["--part", "latency"]
    runpy.run_module("tests.bench", run_name="__main__")
