"""The database's disk is full: what needs no room goes on, and so does the gate.

A limit on the size of files stands in for the disk, which a test cannot fill.
"""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import until_degraded, until_told
from tests.faults.holding import holding
from tests.faults.pairs import serving_pair
from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

BLOCK = 8_192  # octets of a table
BLOCKS = 128  # that a table may have; as large as a segment of the log of what is written
LIMIT = BLOCKS * BLOCK + BLOCK // 2  # a block that is cut short is a full disk, and no other fault
UNLIMITED = -1
# Somebody has so many sessions that there is no room for one more, of anybody.
FILLER = """
INSERT INTO users (id, username, roles, disabled, password_hash, epoch, created_at, updated_at)
VALUES ('filler', 'filler', '[]', true, '-', 0, 0, 0)
"""
FILL = """
DO $$ BEGIN
    FOR n IN 1..50000 LOOP
        BEGIN
            INSERT INTO sessions (sid, user_id, kind, generation, created_at, rotated_at,
                tokens_until, expires_at, amr) VALUES (n, 'filler', '', 0, 0, 4e9, 0, 4e9, '');
        EXCEPTION WHEN disk_full THEN
            RETURN;
        END;
    END LOOP;
    RAISE 'there is room for all of them';
END $$
"""


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving_postgres("autovacuum=off", segment=1) as running:
        yield running


@contextmanager
def postgres_full(server: Postgres, database: str) -> Iterator[None]:
    """Let the table of the sessions have no room for one more, for the length of the block."""
    server.execute(database, FILLER)
    server.execute(database, "VACUUM sessions")  # what others left there is filled too
    server.limit_files(LIMIT)
    try:
        server.execute(database, FILL)
        yield
    finally:
        server.limit_files(UNLIMITED)


@contextmanager
def sqlite_full(*services: Service) -> Iterator[None]:
    """Let the database not grow, and each attempt want some room, for the length of the block."""
    file = services[0].directory / "data" / "sidecar.db"
    wanting = "INSERT INTO filler VALUES (randomblob(100000))"
    execute(file, "CREATE TABLE filler (octets)")
    for event in ("INSERT", "UPDATE"):
        execute(file, f"CREATE TRIGGER {event}d AFTER {event} ON throttle BEGIN {wanting}; END")
    for service in services:
        limit(service, file.stat().st_size)
    try:
        yield
    finally:
        for service in services:
            limit(service, UNLIMITED)
        for event in ("INSERT", "UPDATE"):
            execute(file, f"DROP TRIGGER {event}d")


def limit(service: Service, octets: int) -> None:
    assert service.program is not None
    pid = service.program.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, hard))


def execute(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def causes(service: Service, message: str) -> set[str]:
    """Return what the log says is wrong, in lines of this message."""
    return {line["cause"] for line in service.read_log() if line["message"] == message}


async def test_postgresql_without_room_for_another_session(
    tmp_path: Path, client: ClientSession, server: Postgres
) -> None:
    url = await asyncio.to_thread(server.make_database)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            with postgres_full(server, url.rpartition("/")[2]):
                assert [await held.try_log_in(each) for each in 2 * services] == [503] * 4
                assert [await held.try_log_out(each) for each in services] == [204] * 2
        full = f"{url}: its disk is full: make room there, nothing has to be restarted"
        assert [causes(each, "unavailable") for each in services] == [{full}] * 2


async def test_sqlite_without_room_for_another_attempt(
    tmp_path: Path, client: ClientSession
) -> None:
    async with serving_pair(tmp_path) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            with sqlite_full(*services):
                for service in services:
                    assert await held.try_log_in(service) == 503
                    await until_degraded(client, service, "sql")
                    await until_told(service, "writes to the database fail")
                    assert await held.try_log_out(service) == 204
                    assert await held.try_refresh(service) == 200
                    assert await held.try_log_in(service) == 503
        for service in services:
            for message in ("unavailable", "writes to the database fail"):
                (cause,) = causes(service, message)
                assert "is there room" in cause
