"""Four processes that start at once, each bringing the schema up to date: one of them does it."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.stores.sql.schema import HEAD
from tests.contracts.sql_stores import read_tables
from tests.faults.asking import ask, log_in, log_in_token, log_out
from tests.faults.older import BEFORE, copy_to_older, find_version
from tests.programs.service import Service, end_quietly, make_service, serving

pytestmark = pytest.mark.asyncio

PROCESSES = 4
DATABASES = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def name_database(kind: str, directory: Path, request: pytest.FixtureRequest, name: str) -> str:
    """Return the URL of a database that is not there yet, or is empty."""
    if kind == "sqlite":
        return f"sqlite:///{directory / 'data' / name}"
    made: str = request.getfixturevalue("postgres").make_database()
    return made


async def upgrade_and_start(service: Service) -> None:
    """Do what a pod does whose init container upgrades the schema."""
    done = await service.run("db", "upgrade")
    assert (done.status, done.err) == (0, "")
    await service.start()


async def start_at_once(directory: Path, url: str) -> list[Service]:
    """Start processes; on SQLite nothing but the start upgrades the schema."""
    services = [make_service(directory, {"database": {"url": url}}) for _ in range(PROCESSES)]
    on_sqlite = url.startswith("sqlite")
    starts = [each.start() if on_sqlite else upgrade_and_start(each) for each in services]
    try:
        await asyncio.gather(*starts)
    except BaseException:
        await end(services)
        raise
    return services


async def end(services: list[Service]) -> None:
    await asyncio.gather(*(end_quietly(each) for each in services))


@DATABASES
async def test_on_an_empty_database_all_serve_one_deployment(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, client: ClientSession
) -> None:
    url = name_database(kind, tmp_path, request, "sidecar.db")
    services = await start_at_once(tmp_path, url)
    try:
        assert (await read_tables(url))["deployment"][0][:2] == (1, 0)
        await services[0].add_user("alice")
        for service in services:
            token = await log_in_token(client, service)
            assert [await ask(client, each, token) for each in services] == [200] * PROCESSES
    finally:
        await end(services)


@DATABASES
async def test_on_the_schema_of_the_release_before_all_that_was_goes_on(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, client: ClientSession
) -> None:
    """People, sessions, what was revoked: as they were, whichever process the migration was."""
    current, older = (
        name_database(kind, tmp_path, request, each) for each in ("sidecar.db", "older.db")
    )
    first = make_service(tmp_path, {"database": {"url": current}})
    assert (await first.run("db", "upgrade")).status == 0
    await first.add_user("alice", "--role", "admin")
    async with serving(first):
        kept, ended = await log_in(client, first), await log_in(client, first)
        await log_out(client, first, ended["access_token"])
    await copy_to_older(current, older)
    assert await find_version(older) == BEFORE
    services = await start_at_once(tmp_path, older)
    try:
        assert await find_version(older) == HEAD
        for service in services:
            assert await ask(client, service, kept["access_token"]) == 200
            assert await ask(client, service, kept["access_token"], "/admin/") == 200
            assert await ask(client, service, ended["access_token"]) == 401
            await log_in(client, service)
        for tokens, status in ((kept, 200), (ended, 401)):
            body = {"refresh_token": tokens["refresh_token"]}
            async with client.post(f"{services[0].url}/refresh", json=body) as answer:
                assert answer.status == status
        await log_out(client, services[0], kept["access_token"])
        found = await services[0].run("user", "show", "alice", "--json")
        assert (found.status, found.err) == (0, "")
    finally:
        await end(services)
