"""An import that is killed half-way and run again: everybody is there exactly once."""

import asyncio
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from sidecar.stores.sql.tables import audit, users
from tests.cli.running import clean_environ
from tests.contracts.sql_stores import outside
from tests.credentials.known import WERKZEUG
from tests.programs.commands import PROGRAM
from tests.programs.postgres import Postgres
from tests.programs.service import Service, make_service

pytestmark = pytest.mark.asyncio

BATCH = 500


def write_people(number: int) -> list[bytes]:
    """Return lines of an htpasswd file."""
    return [f"user{n}:{WERKZEUG}\n".encode() for n in range(number)]


async def kill_behind(service: Service, lines: list[bytes]) -> None:
    """Import these lines from a pipe, and kill the process when it has taken the last of them."""
    process = await asyncio.create_subprocess_exec(
        *(*PROGRAM, "user", "import", "-", "--config", str(service.config)),
        cwd=service.directory,
        env=clean_environ(),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.transport.set_write_buffer_limits(0)  # what is drained is in the pipe
    process.stdin.writelines(lines)
    await process.stdin.drain()
    process.kill()
    _, err = await process.communicate()
    assert process.returncode == -signal.SIGKILL, err.decode()


async def count(url: str) -> tuple[int, int, int]:
    """Return how many people there are, under how many names, and how many the trail tells of."""
    async with outside(url) as connection:
        people = sa.select(sa.func.count(), sa.func.count(sa.distinct(users.c.username)))
        told = sa.select(sa.func.count()).select_from(audit)
        there, names = (await connection.execute(people)).one()
        return there, names, (await connection.execute(told)).scalar_one()


async def assert_resumed(service: Service, url: str, number: int) -> None:
    lines = write_people(number)
    await kill_behind(service, lines[: number // 2])
    there, names, told = await count(url)
    assert there == names == told  # nobody without their row in the trail
    assert there % BATCH == 0  # no half of a batch
    assert 0 < there <= number // 2
    (service.directory / "people").write_bytes(b"".join(lines))
    ran = await service.run("user", "import", str(service.directory / "people"))
    assert (ran.status, ran.err) == (0, f"{number - there} added, {there} there already\n")
    assert await count(url) == (number, number, number)


async def test_an_import_of_100_000_lines_is_resumed_on_sqlite(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    await assert_resumed(service, f"sqlite:///{tmp_path}/data/sidecar.db", 100_000)


async def test_an_import_is_resumed_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.make_database()
    service = make_service(tmp_path, {"database": {"url": url}})
    assert (await service.run("db", "upgrade")).status == 0
    await assert_resumed(service, url, 10_000)
