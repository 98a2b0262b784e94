"""Ready within a second of its start, and under 90 MB at rest."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs.process import start
from tests.programs.redis import RedisServer
from tests.programs.service import PASSWORD, Service, end_quietly, make_service

SCHEDULED = Path("/proc/self/schedstat")
READY = 1.0  # seconds
AT_REST = 90 * 1024  # kB
TRIES = 5

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not SCHEDULED.exists(), reason="/proc of Linux says who had the processor"),
]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from exec to ready, without those in which others had the processor; kB of memory."""

    ready: float
    resident: int


@asynccontextmanager
async def measured(service: Service, compiled: Path) -> AsyncIterator[Measured]:
    """Run a service as it is installed: compiled before, and not measured by coverage."""
    kept_out = ("-u", "PYTHONDONTWRITEBYTECODE", "-u", "COVERAGE_PROCESS_CONFIG")
    command = ["/usr/bin/env", *kept_out, f"PYTHONPYCACHEPREFIX={compiled}", sys.executable]
    began = time.monotonic()
    service.program = await start(
        [*command, "-m", "sidecar", "serve", "--config", service.config],
        directory=service.directory,
        environ=service.environ,
    )
    try:
        await service.await_ready()
        wall = time.monotonic() - began
        process = Path("/proc") / str(service.program.process.pid)
        # Nanoseconds on a processor, and waiting for one that others had.
        waited = int((process / "schedstat").read_text().split()[1]) / 1e9
        lines = (process / "status").read_text().splitlines()
        resident = next(line for line in lines if line.startswith("VmRSS:"))
        yield Measured(wall - waited, int(resident.split()[1]))
    finally:
        await end_quietly(service)


async def measure(service: Service, compiled: Path) -> list[Measured]:
    """Start it so often; the first time makes ring and schema, and compiles."""
    async with measured(service, compiled):
        pass
    results = []
    for _ in range(TRIES):
        async with measured(service, compiled) as result:
            results.append(result)
    return results


async def within_bounds(service: Service, compiled: Path) -> None:
    results = await measure(service, compiled)
    assert min(result.ready for result in results) < READY, results
    assert max(result.resident for result in results) < AT_REST, results


async def test_a_first_start_needs_no_more(tmp_path: Path) -> None:
    """It makes ring, schema and administrator; what only a migration needs stays outside."""
    compiled, password = tmp_path / "compiled", tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    environ = {
        "SIDECAR_BOOTSTRAP__ADMIN": "root",
        "SIDECAR_BOOTSTRAP__PASSWORD_FILE": str(password),
    }
    results = []
    for number in range(TRIES):
        directory = tmp_path / str(number)
        directory.mkdir()
        async with measured(make_service(directory, environ=environ), compiled) as result:
            results.append(result)
    assert max(result.resident for result in results[1:]) < AT_REST, results  # the first compiles


async def test_alone(tmp_path: Path) -> None:
    await within_bounds(make_service(tmp_path), tmp_path / "compiled")


async def test_with_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    service = make_service(tmp_path, {"redis": {"url": redis_server.url}})
    await within_bounds(service, tmp_path / "compiled")
