"""Ten rules against ten thousand, asked the same questions; and what it costs to load those.

Ten rules guard a wildcard, ten thousand guard a thousand hosts below it. No assertion is signed:
what is left is reading, matching and answering.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.core.facts import parse_path
from sidecar.core.policy import Policy
from sidecar.schemas.policy import parse_rules
from sidecar.sources.policyfile import PolicyFile
from tests.bench.load import write_requests
from tests.bench.measure import Row, Server, Spread
from tests.bench.plan import Bench
from tests.bench.questions import AREAS, PEOPLE, Sealer, render_at
from tests.bench.report import (
    MOST_COLD_PATH,
    MOST_LOADING,
    MOST_RULES_RATIO,
    MOST_TURN,
    Limit,
    line,
    spread_lines,
)
from tests.bench.rounds import measure_rounds, ratio, spreads
from tests.bench.servers import UNSEALED, make_measured_service, pinned, serving_measured
from tests.sources.turns import watching

HOSTS: Final = 1000
FEW: Final = "10 rules"
MANY: Final = "10 000 rules on 1 000 hosts"
READINGS: Final = 3
COLD_PATHS: Final = 20_000

_HOST: Final = "app{}.example.com"


@dataclass(frozen=True, slots=True)
class Ruled:
    """Microseconds of CPU for a request, of each row; the ratio is by round.

    `loading` is seconds of CPU to read and judge the ten thousand, `turn` the most milliseconds of
    it between two turns of the loop while they are read anew, `cold_path` microseconds for a path.
    """

    rows: Mapping[str, Spread]
    ratio: Spread
    loading: float
    turn: float
    cold_path: float

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit("10 000 rules / 10 rules", self.ratio.median, MOST_RULES_RATIO)
        yield Limit("loading 10 000 rules", self.loading, MOST_LOADING, "s")
        yield Limit("turn while they are read", self.turn, MOST_TURN, "ms")
        yield Limit("reading a new path", self.cold_path, MOST_COLD_PATH, "µs")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield from spread_lines("CPU of the server for one request, µs", self.rows)
        ratio = self.ratio
        yield line("10 000 rules / 10 rules", ratio.median, ratio.least, ratio.most)


async def measure_rules(bench: Bench) -> Ruled:
    """Return the figures of few and of many rules. Raises LoadFailed."""
    keys = bench.folder / "keys"
    async with AsyncExitStack() as stack:
        stack.enter_context(pinned(bench.cores.load))
        servers: dict[str, Server] = {}
        for name in (FEW, MANY):
            folder = bench.folder / name.replace(" ", "-")
            policy = make_policy(name)
            service = make_measured_service(folder, UNSEALED, keys=keys, policy=policy)
            running = serving_measured(service, bench.cores.servers)
            servers[name], _ = await stack.enter_async_context(running)
        sealer = Sealer.of(keys)
        requests = list(render_hosts([sealer.bearer(number) for number in range(PEOPLE)]))
        file = write_requests(bench.folder / "hosts", requests)
        rows = [Row(name, server, lambda: file) for name, server in servers.items()]
        figures = await measure_rounds(rows, bench)
        turn = await time_turns(bench.folder)
    by_round = ratio(figures[MANY], figures[FEW])
    return Ruled(spreads(figures), by_round, time_loading(), turn, time_cold_path())


def make_rules() -> list[dict[str, Any]]:
    """Return the ten rules, new each time: YAML writes what stands twice as an alias."""
    return [
        {"path": "/public/**", "allow": "anyone"},
        {"path": "/admin/**", "allow": {"roles": ["admin"]}},
        *({"path": f"/api/{area}/*/audit", "allow": {"roles": ["ops"]}} for area in AREAS[:7]),
        {"path": "/**", "allow": "signed-in"},
    ]


def make_policy(name: str) -> dict[str, Any]:
    """Return one of the two policies."""
    hosts = ["*.example.com"] if name == FEW else map(_HOST.format, range(HOSTS))
    return {"hosts": {host: make_rules() for host in hosts}}


def render_hosts(credentials: Sequence[str]) -> Iterator[bytes]:
    """Yield one request for each host."""
    for number in range(HOSTS):
        credential = credentials[number % len(credentials)]
        yield render_at(_HOST.format(number), number, number, credential)


def time_loading() -> float:
    """Return the CPU seconds that it takes to read and judge the ten thousand."""
    text = yaml.safe_dump(make_policy(MANY), sort_keys=False)
    began = time.process_time()
    policy = Policy(parse_rules(text, "policy.yaml"))
    spent = time.process_time() - began
    assert len(policy) == HOSTS * len(make_rules())
    return spent


async def time_turns(folder: Path) -> float:
    """Return the most milliseconds of CPU between two turns of the loop while they are read anew.

    It is the best of a few readings: what the collector of garbage does meanwhile is counted too.
    """
    path = folder / "many.yaml"
    file = PolicyFile(path, named=True)
    longest = []
    for name in (FEW, *[MANY] * READINGS):
        path.write_text(yaml.safe_dump(make_policy(name), sort_keys=False))
        async with watching() as turns:
            await file.read()
        longest.append(turns.worked * 1e3)
    return min(longest[1:])


def time_cold_path() -> float:
    """Return the microseconds of CPU for the canonical reading of a path that is new."""
    paths = [
        f"/api/caf%C3%A9/{number}/lines%20and%20more?page={number}" for number in range(COLD_PATHS)
    ]
    began = time.process_time()
    for path in paths:
        parse_path(path)
    return (time.process_time() - began) * 1e6 / COLD_PATHS
