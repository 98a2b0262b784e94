"""What a process with very many revocations weighs, how it is held up, and what a decision costs.

    python -m tests.bench.revocations 1000000

prints the figures as JSON. A process of its own, so that its memory is that of the view.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, NamedTuple

import sqlalchemy as sa
import yaml

from sidecar.app.sweep import forget_over
from sidecar.clock import Now
from sidecar.core.claims import TokenKind
from sidecar.core.facts import RequestFacts
from sidecar.core.grant import Issuer
from sidecar.core.keyring import Key, KeyRing, Purpose
from sidecar.core.policy import Policy, WhenStale
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.token import seal_token
from sidecar.credentials.opening import Credential
from sidecar.gate import Gate, GateOptions
from sidecar.schemas.policy import parse_rules
from sidecar.stores.sql import SqlStore, open_store
from tests.bench.filled import MONTH, NOW, RANDOM, SERIES
from tests.bench.load import LoadFailed
from tests.bench.measure import Spread, resident_mb
from tests.bench.plan import Bench
from tests.bench.questions import AREAS, ISSUER, POLICY
from tests.bench.report import MOST_OCTETS, MOST_TURN, MOST_VIEW_RATIO, Limit, line
from tests.contracts.sql_stores import outside
from tests.core.asking import make_facts
from tests.core.forge import generate_key, make_claims, make_key
from tests.sources.turns import watching

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 600.0  # seconds
TOKENS: Final = 1000  # that are asked about in turn
BLOCKS: Final = 5
ROUNDS: Final = 20  # in each
SWEEPS: Final = 10  # in which all of them are forgotten
# Of ten there are four tokens, four sessions and two users; subjects have 22 characters, as ours.
REVOCATIONS: Final = (
    " INSERT INTO revocations (level, subject, epoch, forget_at)"
    " SELECT CASE WHEN n % 10 < 4 THEN 'token' WHEN n % 10 < 8 THEN 'session' ELSE 'user' END,"
    " {random}, n % 3, {now} + n % {month} FROM s"
)


@dataclass(frozen=True, slots=True)
class Crowded:
    """What so many `revocations` cost.

    `octets` is the memory of each, `loading` seconds by the clock, `turn` the most milliseconds of
    CPU between two turns of the loop while they are read, read again and forgotten; `deciding` is
    microseconds of CPU for a decision of the gate, `ratio` that by the CPU with an empty view, of
    several blocks of rounds. `anew` is that ratio behind a new revocation, when every token is
    looked up once more.
    """

    revocations: int
    octets: float
    loading: float
    turn: float
    deciding: float
    ratio: Spread
    anew: Spread

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        name = f"decision by {self.revocations} / by none"
        yield Limit("a revocation in memory", self.octets, MOST_OCTETS, "octets")
        yield Limit(name, self.ratio.median, MOST_VIEW_RATIO)
        yield Limit("turn while they come and go", self.turn, MOST_TURN, "ms")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        crowd = f"{self.revocations} revocations"
        yield line(f"{crowd}: seconds to load", self.loading)
        yield line(f"{crowd}: a decision, µs", self.deciding)
        yield line("behind a new one, by many / by none", self.anew.median)


async def measure_revocations(bench: Bench) -> Crowded:
    """Return the figures of very many. Raises LoadFailed."""
    bench.tell(f"{bench.plan.revocations} revocations")
    return await measure_crowd(bench.plan.revocations)


async def measure_crowd(number: int) -> Crowded:
    """Return the figures of a view with so many revocations. Raises LoadFailed."""
    command = (sys.executable, "-m", "tests.bench.revocations", str(number))
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(PATIENCE):
            printed, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise LoadFailed(f"{number} revocations: the process ended with {child.returncode}")
    figures = json.loads(printed)
    return Crowded(**figures | {name: Spread(**figures[name]) for name in ("ratio", "anew")})


async def _measure(number: int) -> Crowded:
    view, empty = RevocationView(), RevocationView()
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as folder:
        async with _filled(f"sqlite:///{folder}/few.db", 2000) as few:
            await few.make_feed(empty.apply, empty.heard).start()  # so that all code is loaded
        empty = RevocationView()
        async with _filled(f"sqlite:///{folder}/many.db", number) as many:
            gc.collect()
            gc.freeze()  # as the service does at its start
            before = resident_mb(os.getpid())
            async with watching() as turns:
                began = time.perf_counter()
                await many.make_feed(view.apply, view.heard).start()
                loading = time.perf_counter() - began
                await many.make_feed(view.apply, view.heard).start()
            gc.collect()
            octets = (resident_mb(os.getpid()) - before) * 2**20 / number
    if len(view) != number:
        raise LoadFailed(f"{len(view)} of {number} revocations were read")
    decisions = _time_decisions(view, empty)
    async with watching() as forgetting:
        for part in range(1, SWEEPS + 1):
            await forget_over(view, NOW + 1 + number * part // SWEEPS)
    if len(view) != 0:
        raise LoadFailed(f"{len(view)} revocations were not forgotten")
    turn = max(turns.worked, forgetting.worked) * 1e3
    ratio = Spread.of([each.full / each.empty for each in decisions])
    anew = Spread.of([each.full_anew / each.empty_anew for each in decisions])
    deciding = min(each.full for each in decisions)
    return Crowded(number, octets, loading, turn, deciding, ratio, anew)


@asynccontextmanager
async def _filled(url: str, number: int) -> AsyncIterator[SqlStore]:
    """Open a new database with so many revocations that are in force."""
    async with open_store(url, outbox=False) as store:
        await store.upgrade_schema()
        insert = REVOCATIONS.format(random=RANDOM["sqlite"], now=NOW + 1, month=MONTH - 1)
        async with outside(url) as connection:
            await connection.execute(sa.text(SERIES["sqlite"] + insert), {"many": number})
            await connection.commit()
        yield store


class Block(NamedTuple):
    """Microseconds of CPU of a decision, the best of some rounds.

    `anew` are those behind a new revocation, when each token is looked up again.
    """

    full_anew: float
    full: float
    empty_anew: float
    empty: float


def _time_decisions(full: RevocationView, empty: RevocationView) -> list[Block]:
    """Return what a decision costs by each, in several blocks of rounds.

    Nobody is revoked; both take their turns, so that what slows the machine down slows both.
    """
    key = make_key(generate_key(), Purpose.TOKEN)
    policy = Policy(parse_rules(yaml.safe_dump(POLICY, sort_keys=False), "policy.yaml"))
    options = GateOptions(
        issuer=Issuer(ISSUER, ("api",)),
        clock_skew=0,
        max_staleness=60,
        when_stale=WhenStale.DENY,
        assertion_ttl=60,
    )
    now = Now(NOW, full.read_at or 0.0)
    gates = [Gate(options, KeyRing.of([key]), policy, view) for view in (full, empty)]
    empty.heard(now.monotonic)
    asked = [
        (make_facts(f"/api/{AREAS[number % len(AREAS)]}/{number}"), _make_token(key, number))
        for number in range(TOKENS)
    ]
    return [_time_block(gates, asked, now) for _ in range(BLOCKS)]


def _time_block(gates: list[Gate], asked: list[tuple[RequestFacts, Credential]], now: Now) -> Block:
    best = [float("inf")] * len(Block._fields)
    for _ in range(ROUNDS):
        for number, gate in enumerate(gates):
            gate.view.apply([Revocation(Level.TOKEN, token_urlsafe(16), 0, now.unix + 1)])
            for place in (2 * number, 2 * number + 1):
                began = time.thread_time()
                passed = sum(bool(gate.decide(facts, token, now)) for facts, token in asked)
                best[place] = min(best[place], (time.thread_time() - began) * 1e6 / TOKENS)
                if passed != TOKENS:
                    raise LoadFailed(f"{TOKENS - passed} of {TOKENS} tokens were refused")
    return Block(*best)


def _make_token(key: Key, number: int) -> Credential:
    claims = make_claims()._replace(
        sub=f"{number:022}", sid=token_urlsafe(16), jti=token_urlsafe(16)
    )
    return Credential(TokenKind.ACCESS, seal_token(claims, TokenKind.ACCESS, key))


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_measure(int(sys.argv[1]))))))  # noqa: T201 - for the parent
