"""The database held by somebody else: the gate goes on, until its view is too old to tell."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import (
    QUESTION,
    ask,
    log_in,
    log_in_token,
    readiness,
    until,
    until_degraded,
)
from tests.programs.redis import RedisServer
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio

STALE_AFTER = 2  # seconds, the least that the settings allow
STALE = {"revocation": {"max_staleness": f"{STALE_AFTER}s"}}


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the database exclusively, as a backup or a stuck writer does."""
    connection = sqlite3.connect(directory / "data" / "sidecar.db", isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


async def answers(client: ClientSession, service: Service, token: str, status: int) -> bool:
    return await ask(client, service, token) == status


async def metrics(client: ClientSession, service: Service) -> dict[str, float]:
    """Return the metrics without labels."""
    async with client.get(f"{service.operations}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    pairs = (line.split(" ") for line in lines if not line.startswith("#") and "{" not in line)
    return {name: float(value) for name, value in pairs}


async def has_told(service: Service, words: str) -> bool:
    return any(words in line["message"] for line in service.read_log())


async def is_stale(client: ClientSession, service: Service) -> bool:
    return (await metrics(client, service))["sidecar_revocation_view_age_seconds"] > STALE_AFTER


async def test_deny_refuses_while_the_view_is_too_old_and_nobody_is_logged_out(
    tmp_path: Path, client: ClientSession
) -> None:
    # A canary that is written in time would say that writes work again.
    quiet = {"revocation": STALE["revocation"] | {"canary": None}}
    service = make_service(tmp_path, quiet)
    await service.add_user("alice")
    async with serving(service):
        tokens = await log_in(client, service)
        token = tokens["access_token"]
        with locked(tmp_path):
            assert await ask(client, service, token) == 200
            await until(lambda: answers(client, service, token, 503), "503")
            assert (await readiness(client, service))[0] == 503
            # A rule for anyone does not depend on the view.
            assert await ask(client, service, token, "/public/") == 200
            headers = {"Authorization": f"Bearer {token}"}
            for method, path in (("GET", "/verify"), ("POST", "/logout")):
                question = headers | (QUESTION if path == "/verify" else {})
                url = f"{service.url}{path}"
                async with client.request(method, url, headers=question) as answer:
                    assert answer.status == 503
                    assert int(answer.headers["Retry-After"]) > 0
        await until(lambda: answers(client, service, token, 200), "200")
        await until_degraded(client, service, "sql")  # the logout failed, and nothing was written
        body = {"refresh_token": tokens["refresh_token"]}
        async with client.post(f"{service.url}/refresh", json=body) as answer:
            assert answer.status == 200
        await until_degraded(client, service)
        await until(lambda: has_told(service, "are fresh again"), "a line that it is over")
        told = [line["message"] for line in service.read_log()]
        (line,) = (each for each in told if "the revocations were last read" in each)
        assert "503 (when_stale: deny)" in line
        assert sum("are fresh again" in each for each in told) == 1


async def test_allow_goes_on_by_the_old_view(tmp_path: Path, client: ClientSession) -> None:
    settings = {"revocation": STALE["revocation"] | {"when_stale": "allow"}}
    service = make_service(tmp_path, settings)
    await service.add_user("alice")
    async with serving(service):
        token = await log_in_token(client, service)
        with locked(tmp_path):
            await until(lambda: is_stale(client, service), "a view that is too old")
            assert await ask(client, service, token) == 200
            await until_degraded(client, service, "sql")
            assert (await metrics(client, service))["sidecar_stale_allows_total"] == 1
            await until(lambda: has_told(service, "(when_stale: allow)"), "a line about it")


async def test_redis_keeps_the_view_fresh(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer
) -> None:
    service = make_service(tmp_path, STALE | {"redis": {"url": redis_server.url}})
    await service.add_user("alice")
    async with serving(service):
        token = await log_in_token(client, service)
        with locked(tmp_path):
            await until_degraded(client, service, "sql")
            await asyncio.sleep(STALE_AFTER + 0.5)
            assert await ask(client, service, token) == 200
        await until_degraded(client, service)


async def test_a_lock_that_lasts_does_not_keep_a_process_from_ending(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service):
        with locked(tmp_path):
            login = asyncio.create_task(try_log_in(client, service))
            await until_degraded(client, service, "sql")
            began = asyncio.get_running_loop().time()
            assert await service.end() == 0
            assert asyncio.get_running_loop().time() - began < 10
            assert await login == 503


async def try_log_in(client: ClientSession, service: Service) -> int:
    body = {"username": "alice", "password": PASSWORD}
    async with client.post(f"{service.url}/login", json=body) as answer:
        return answer.status
