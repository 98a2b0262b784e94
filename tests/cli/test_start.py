"""What starts often starts fast: it does not import what it does not need."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.running import Ran, clean_environ, execute, sidecar

pytestmark = pytest.mark.asyncio

# Each costs tens of milliseconds or megabytes: asyncio 60 ms, aiohttp 215 ms, sqlalchemy 600 ms.
HEAVY = {"aiohttp", "alembic", "asyncio", "cryptography", "jinja2", "jwt", "redis", "sqlalchemy"}
# CPU, by that of an interpreter that does nothing: 100 ms where that one takes 9.
MOST_RATIO = 11
RUNS = 7
READY = b'HTTP/1.0 200 OK\r\n\r\n{"workers": 1, "ready": true, "degraded": []}'
PROGRAM = """\
import sys
from sidecar.cli import main
sys.argv[0] = "sidecar"
try:
    main()
finally:
    import json
    json.dump(sorted(name for name in sys.modules if "." not in name), sys.stderr)
"""


async def _modules(folder: Path, *arguments: str) -> tuple[Ran, set[str]]:
    ran = await execute(folder, (sys.executable, "-c", PROGRAM, *arguments))
    return ran, set(json.loads(ran.err.splitlines()[-1]))


async def test_the_version_and_the_help_need_click_alone(tmp_path: Path) -> None:
    ran, modules = await _modules(tmp_path, "--version")
    assert ran.status == 0
    assert modules.isdisjoint(HEAVY | {"marshmallow", "yaml"})


async def test_the_health_check_needs_no_more_than_the_settings(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text('server: {operations_listen: "unix:nobody"}')
    ran, modules = await _modules(tmp_path, "healthcheck")
    assert ran.status == 1
    assert "marshmallow" in modules
    assert modules.isdisjoint(HEAVY)


@pytest_asyncio.fixture
async def ready() -> AsyncIterator[str]:
    """Answer as a service that is ready does; return the address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(READY)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_where_the_service_is_ready_no_settings_are_judged(
    tmp_path: Path, ready: str
) -> None:
    (tmp_path / "other.yaml").write_text(f"server: {{operations_listen: '{ready}'}}")
    ran, modules = await _modules(tmp_path, "healthcheck", "--config", "other.yaml")
    assert (ran.status, ran.out) == (0, "ready\n")
    assert modules.isdisjoint(HEAVY | {"marshmallow", "ssl"})


async def test_settings_that_became_wrong_do_not_make_a_service_unready(
    tmp_path: Path, ready: str
) -> None:
    """It goes on with those that it read; they are told at its next start, and where it is away."""
    (tmp_path / "sidecar.yaml").write_text(f"server: {{operations_listen: '{ready}', listen: x}}")
    ran = await sidecar(tmp_path, "healthcheck")
    assert (ran.status, ran.out) == (0, "ready\n")
    (tmp_path / "sidecar.yaml").write_text("server: {operations_listen: 'unix:none', listen: x}")
    ran = await sidecar(tmp_path, "healthcheck")
    assert (ran.status, ran.out) == (1, "")
    assert ran.problems == [
        "sidecar.yaml:1: server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH"
    ]


async def test_a_name_that_is_none_is_told_even_where_the_service_is_ready(
    tmp_path: Path, ready: str
) -> None:
    """The address may be what it was meant for: another service would be asked."""
    environ = {
        "SIDECAR_SERVER__OPERATION_LISTEN": ready,
        "SIDECAR_SERVER__OPERATIONS_LISTEN": ready,
    }
    ran = await sidecar(tmp_path, "healthcheck", environ=environ)
    assert (ran.status, ran.out) == (1, "")
    (problem,) = ran.problems
    assert problem.startswith("SIDECAR_SERVER__OPERATION_LISTEN: there is no such setting")


async def test_they_take_no_more_than_a_few_times_what_an_interpreter_takes(
    tmp_path: Path, ready: str
) -> None:
    (tmp_path / "sidecar.yaml").write_text(f"server: {{operations_listen: '{ready}'}}")
    nothing = [sys.executable, "-c", "pass"]
    version = [sys.executable, "-m", "sidecar", "--version"]
    healthcheck = [sys.executable, "-m", "sidecar", "healthcheck"]
    best = [float("inf")] * 3
    for _ in range(RUNS):
        for place, command in enumerate((nothing, version, healthcheck)):
            best[place] = min(best[place], await asyncio.to_thread(_time_cpu, command, tmp_path))
    assert best[1] / best[0] < MOST_RATIO
    assert best[2] / best[0] < MOST_RATIO


def _time_cpu(command: Sequence[str], folder: Path) -> float:
    """Return the seconds of CPU that a command takes, without what measures its coverage."""
    environ = {
        name: value for name, value in clean_environ().items() if not name.startswith("COVERAGE_")
    }
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime
