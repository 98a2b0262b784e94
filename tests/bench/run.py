"""One run: one part after the other, each in a folder of its own.

Whoever adds a part adds it to `PARTS`.
"""

import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from tests.bench.behind import measure_behind
from tests.bench.cold import measure_cold
from tests.bench.connections import measure_connections
from tests.bench.flood import measure_flood
from tests.bench.hearing import measure_hearing
from tests.bench.latency import measure_latency
from tests.bench.memory import measure_memory
from tests.bench.people import measure_people
from tests.bench.plan import Bench, Plan
from tests.bench.report import Part, Report
from tests.bench.revocations import measure_revocations
from tests.bench.rules import measure_rules
from tests.bench.servers import Cores
from tests.bench.sessions import measure_sessions
from tests.bench.statements import count_statements
from tests.bench.warm import measure_warm

PARTS: Final[Mapping[str, Callable[[Bench], Awaitable[Part]]]] = {
    "warm": measure_warm,
    "cold": measure_cold,
    "rules": measure_rules,
    "connections": measure_connections,
    "flood": measure_flood,
    "latency": measure_latency,
    "behind": measure_behind,
    "memory": measure_memory,
    "revocations": measure_revocations,
    "hearing": measure_hearing,
    "sessions": measure_sessions,
    "people": measure_people,
    "statements": count_statements,
}


async def run(plan: Plan, tell: Callable[[str], None], parts: Collection[str] = ()) -> Report:
    """Measure these parts, all where none is named; `tell` hears what is being done.

    Raises LoadFailed.
    """
    cores = Cores.choose()
    found = {}
    for name, measure_part in PARTS.items():
        if parts and name not in parts:
            continue
        tell(f"{name}:")
        with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as folder:
            found[name] = await measure_part(Bench(plan, cores, Path(folder), tell))
    return Report(cores, found)
