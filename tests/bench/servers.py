"""The servers that are measured, each on the core that nothing else here runs on."""

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from tests.bench import floors, plain
from tests.bench.load import LoadFailed
from tests.bench.measure import Server, waited_seconds
from tests.bench.questions import ISSUER, POLICY
from tests.programs.process import Program, await_listening, free_port, start
from tests.programs.service import Service, make_service

CACHE: Final = Path(__file__).parents[2] / ".cache"
BYTECODE: Final = CACHE / "bytecode"
PYTHON: Final = (sys.executable, "-P")  # no module is taken for one of these here
# As pip installs it, with byte code; the first start writes it, whatever is set here.
ENVIRON: Final = {"PYTHONPYCACHEPREFIX": str(BYTECODE), "PYTHONDONTWRITEBYTECODE": ""}


UNSEALED: Final = {"identity": {"assertion": {"enabled": False}}}


class Loop(Enum):
    """Whose event loop a server runs on."""

    UVLOOP = "uvloop"
    ASYNCIO = "asyncio"


class Floor(Enum):
    """What the service is compared with."""

    CONSTANT = "constant"
    LOW_LEVEL = "low-level"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core has the servers, and which the load; the same where there is only one."""

    servers: int
    load: int

    @classmethod
    def choose(cls) -> "Cores":
        """Take two of those that this process may use."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and the processes that it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def serving_floor(
    floor: Floor, folder: Path, core: int, loop: Loop = Loop.UVLOOP, octets: int = 0
) -> AsyncIterator[Server]:
    """Run a server that decides nothing; `octets` is how long the constant answer is."""
    port = free_port()
    numbers = (str(port), str(octets))
    command = [*PYTHON, floors.__file__, floor.value, loop.value, *numbers]
    async with running(command, folder, core, {}) as program:
        await await_listening(program, ("127.0.0.1", port))
        _check_loop(program.process.pid, loop)
        yield Server(program.process.pid, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def serving_bare(folder: Path, core: int) -> AsyncIterator[Server]:
    """Run the bare handler that the service is compared with for the length of the block."""
    async with serving_floor(Floor.APPLICATION, folder, core) as server:
        yield server


def make_measured_service(
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    keys: Path | None = None,
    policy: Mapping[str, Any] = POLICY,
) -> Service:
    """Return the service with the policy that is asked about.

    `folder` is made where it is missing; `keys` is the directory of another service's keys.
    """
    folder.mkdir(exist_ok=True)
    merged = {name: dict(keys) for name, keys in (settings or {}).items()}
    merged["server"] = {"public_url": ISSUER, **merged.get("server", {})}
    if keys is not None:
        merged["keys"] = {"directory": str(keys)}
    return make_service(folder, merged, policy=policy, environ=ENVIRON)


@asynccontextmanager
async def serving_measured(
    service: Service, core: int, loop: Loop = Loop.UVLOOP
) -> AsyncIterator[tuple[Server, float]]:
    """Run the service for the length of the block, and tell after how many seconds it was ready.

    That is without those that it waited for its core: what else the machine did is not its own.
    """
    began = time.monotonic()
    program_name = ["-m", "sidecar"] if loop is Loop.UVLOOP else [plain.__file__]
    command = [*PYTHON, *program_name, "serve", "--config", str(service.config)]
    async with running(command, service.directory, core, service.environ) as program:
        service.program = program
        await service.await_ready()
        pid = program.process.pid
        ready_after = time.monotonic() - began - waited_seconds(pid)
        _check_loop(pid, loop)
        yield Server(pid, service.url), ready_after


def _check_loop(pid: int, loop: Loop) -> None:
    """Raise LoadFailed where a process runs on another event loop than its row says."""
    found = Loop.UVLOOP if "/uvloop/" in Path(f"/proc/{pid}/maps").read_text() else Loop.ASYNCIO
    if found is not loop:
        raise LoadFailed(f"a server runs on {found.value} instead of {loop.value}")


@asynccontextmanager
async def running(
    command: Sequence[str], folder: Path, core: int, environ: Mapping[str, str]
) -> AsyncIterator[Program]:
    """Run a program on one core for the length of the block."""
    with pinned(core):
        program = await start(command, directory=folder, environ=environ)
    try:
        yield program
    finally:
        if program.process.returncode is None:
            await program.end()
