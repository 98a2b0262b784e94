"""What was acknowledged survives `kill -9`: the 204 of a logout, on every store."""

import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar
from redis.asyncio import Redis

from tests.faults.asking import ask, log_in, log_in_token, log_out
from tests.programs.postgres import Postgres
from tests.programs.redis import RedisServer
from tests.programs.service import Service, make_service, serving

pytestmark = pytest.mark.asyncio


async def kill_behind_a_logout(service: Service, token: str) -> None:
    """Kill the process at once behind the 204."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        await log_out(client, service, token)
        assert await service.end(signal.SIGKILL) == -signal.SIGKILL


async def test_a_logout_survives_on_sqlite(tmp_path: Path, client: ClientSession) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    refused: list[str] = []
    for _ in range(3):
        async with serving(service):
            token = await log_in_token(client, service)
            assert await ask(client, service, token) == 200
            await kill_behind_a_logout(service, token)
            refused.append(token)
    async with serving(service):
        assert [await ask(client, service, token) for token in refused] == [401] * 3


async def test_a_logout_survives_on_postgresql(
    tmp_path: Path, client: ClientSession, postgres: Postgres
) -> None:
    service = make_service(tmp_path, {"database": {"url": postgres.make_database()}})
    assert (await service.run("db", "upgrade")).status == 0
    await service.add_user("alice")
    async with serving(service):
        token = await log_in_token(client, service)
        await kill_behind_a_logout(service, token)
    async with serving(service):
        assert await ask(client, service, token) == 401


async def test_a_logout_survives_although_redis_was_emptied_meanwhile(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer
) -> None:
    service = make_service(tmp_path, {"redis": {"url": redis_server.url}})
    await service.add_user("alice")
    async with serving(service):
        token = await log_in_token(client, service)
        await kill_behind_a_logout(service, token)
    async with Redis.from_url(redis_server.url) as redis:
        await redis.flushall()
    async with serving(service):
        assert await ask(client, service, token) == 401


async def test_a_login_survives_too(tmp_path: Path, client: ClientSession) -> None:
    """Nobody is logged out by a crash: the session, its token and its refresh token go on."""
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service):
        tokens = await log_in(client, service)
        await service.end(signal.SIGKILL)
    async with serving(service):
        assert await ask(client, service, tokens["access_token"]) == 200
        body = {"refresh_token": tokens["refresh_token"]}
        async with client.post(f"{service.url}/refresh", json=body) as answer:
            assert answer.status == 200
