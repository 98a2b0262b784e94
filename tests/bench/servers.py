"""The two servers, each on the core that nothing else here runs on."""

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import bare
from tests.bench.measure import Server, waited_seconds
from tests.bench.questions import ISSUER, POLICY
from tests.programs.process import Program, await_listening, free_port, start
from tests.programs.service import Service, make_service

CACHE: Final = Path(__file__).parents[2] / ".cache"
BYTECODE: Final = CACHE / "bytecode"


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
async def serving_bare(folder: Path, core: int) -> AsyncIterator[Server]:
    """Run the bare handler for the length of the block."""
    port = free_port()
    async with _running([sys.executable, bare.__file__, str(port)], folder, core, {}) as program:
        await await_listening(program, ("127.0.0.1", port))
        yield Server(program.process.pid, f"http://127.0.0.1:{port}")


def make_measured_service(folder: Path) -> Service:
    """Return the service with the policy that is asked about."""
    return make_service(
        folder,
        {"server": {"public_url": ISSUER}},
        policy=POLICY,
        # As pip installs it, with byte code; the first start writes it, whatever is set here.
        environ={"PYTHONPYCACHEPREFIX": str(BYTECODE), "PYTHONDONTWRITEBYTECODE": ""},
    )


@asynccontextmanager
async def serving_measured(service: Service, core: int) -> AsyncIterator[tuple[Server, float]]:
    """Run the service for the length of the block, and tell after how many seconds it was ready.

    That is without those that it waited for its core: what else the machine did is not its own.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "sidecar", "serve", "--config", str(service.config)]
    async with _running(command, service.directory, core, service.environ) as program:
        service.program = program
        await service.await_ready()
        pid = program.process.pid
        ready_after = time.monotonic() - began - waited_seconds(pid)
        yield Server(pid, service.url), ready_after


@asynccontextmanager
async def _running(
    command: Sequence[str], folder: Path, core: int, environ: Mapping[str, str]
) -> AsyncIterator[Program]:
    with pinned(core):
        program = await start(command, directory=folder, environ=environ)
    try:
        yield program
    finally:
        if program.process.returncode is None:
            await program.end()
