"""Policies of any size, and the process that parses one while a test looks on."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from sidecar.core.policy import Policy
from sidecar.sources.policyfile import PolicyFile
from tests.programs.process import lack

PATIENCE = 30.0  # seconds; what takes longer on any machine has failed


def make_policy(version: int, hosts: int, rules: int) -> str:
    """Return a policy of which every rule says something else in each version."""
    lines = ["hosts:"]
    for host in range(hosts):
        lines.append(f"  app{host}.example.com:")
        lines += [
            f"    - {{path: /api/{number}/**, methods: [GET, PUT], allow: {{roles: [r{version}]}}}}"
            for number in range(rules - 1)
        ]
        lines.append(f"    - {{path: /**, networks: [10.{version}.0.0/16], allow: signed-in}}")
    return "\n".join(lines)


SMALL = make_policy(0, hosts=1, rules=2)
LARGE = make_policy(1, hosts=1_000, rules=10)  # parsing it takes long enough to be looked at


async def start_reading(path: Path, file: PolicyFile) -> tuple[asyncio.Task[Policy], Path]:
    """Have a large policy read anew; return that task, and `/proc/PID` of who parses it."""
    await file.read()
    await asyncio.to_thread(path.write_text, LARGE)
    reading = asyncio.create_task(file.read())
    return reading, await find_worker()


async def find_worker() -> Path:
    """Wait for a process that parses a policy; return its `/proc/PID`."""
    found: list[Path] = []

    def starts() -> bool:
        found[:] = find_workers()
        return bool(found)

    await until(starts)
    return found[0]


def require_proc() -> None:
    """Skip where there is no /proc that says which processes there are."""
    if not Path("/proc/self/limits").exists():
        lack("a /proc that says which processes there are")


def find_workers() -> list[Path]:
    """Return `/proc/PID` of each process of ours that parses a policy and lives."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            ours = (
                int(parent) == os.getpid() and b"policyworker" in (folder / "cmdline").read_bytes()
            )
        except OSError:  # it has ended since
            continue
        if ours:
            found.append(folder)
    return found


def limits_of(process: Path) -> dict[str, str]:
    """Return the soft limits of a process, by their names in `/proc/PID/limits`."""
    lines = (process / "limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until this holds of another process, which tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        await asyncio.sleep(0.005)
