"""Ten rules against ten thousand, asked the same questions; and what it costs to load those.

Ten rules guard a wildcard, ten thousand guard a thousand hosts below it. No assertion is signed:
what is left is reading, matching and answering.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.core.facts import parse_path
from sidecar.core.policy import Policy
from sidecar.schemas.policy import parse_rules
from sidecar.sources.policyfile import PolicyFile
from tests.bench.questions import AREAS, ISSUER, render_at
from tests.programs.service import Service, make_service
from tests.sources.turns import watching

HOSTS: Final = 1000
FEW: Final = "10 rules"
MANY: Final = "10 000 rules on 1 000 hosts"
READINGS: Final = 3
COLD_PATHS: Final = 20_000

_HOST: Final = "app{}.example.com"


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


def make_ruled_service(folder: Path, name: str, keys: Path) -> Service:
    """Return a service that takes the tokens of these keys, with one of the policies."""
    own = folder / name.replace(" ", "-")
    own.mkdir()
    settings: dict[str, dict[str, Any]] = {
        "server": {"public_url": ISSUER},
        "keys": {"directory": str(keys)},
        "identity": {"assertion": {"enabled": False}},
    }
    return make_service(own, settings, policy=make_policy(name))


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
