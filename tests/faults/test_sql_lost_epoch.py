"""A failover loses the end of somebody's sessions: a login says so instead of giving a dead token.

An epoch that is set back by hand is what a lost commit looks like to a replica that goes on.
"""

from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.clock import read_clock
from sidecar.settings import load_settings
from tests.contracts.sql_stores import run_sql
from tests.faults.asking import ask, log_in, log_in_token, until
from tests.programs.service import PASSWORD, make_service, serving

pytestmark = pytest.mark.asyncio

LOST = "the database has lost the end of all sessions"
LOSE = {
    "--user": (
        "UPDATE users SET epoch = 0 WHERE username = 'alice'",
        "DELETE FROM revocations",
    ),
    "--everyone": ("UPDATE deployment SET epoch = 0", "DELETE FROM revocations"),
}


@pytest.mark.parametrize("level", LOSE)
async def test_a_login_that_would_be_refused_is_503_until_the_end_was_done_again(
    tmp_path: Path, database: dict[str, dict[str, str]], client: ClientSession, level: str
) -> None:
    service = make_service(tmp_path, database)
    if database:
        assert (await service.run("db", "upgrade")).status == 0
    for name in ("alice", "bob"):
        await service.add_user(name)
    ending = ("revoke", level, *(["alice"] if level == "--user" else []))
    url = load_settings(service.config, environ={}, flags={}).database_url
    async with serving(service):
        before = await log_in_token(client, service)

        async def is_refused() -> bool:
            return await ask(client, service, before) == 401

        assert (await service.run(*ending)).status == 0
        await until(is_refused, "refused")
        await run_sql(url, *LOSE[level])
        body = {"username": "alice", "password": PASSWORD}
        async with client.post(f"{service.url}/login", json=body) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
        async with client.post(f"{service.url}/login", json=body | {"password": "x"}) as answer:
            assert answer.status == 401  # who does not know the password learns nothing
        (told,) = [line for line in service.read_log() if line["message"].startswith(LOST)]
        assert told["level"] == "ERROR"
        if level == "--user":  # nobody else is kept out
            await log_in(client, service, "bob")
        assert (await service.run(*ending)).status == 0
        for name in ("alice", "bob"):
            assert await ask(client, service, await log_in_token(client, service, name)) == 200
        assert await ask(client, service, before) == 401


@pytest.mark.parametrize("level", LOSE)
async def test_an_end_that_is_done_again_takes_what_was_sealed_behind_the_lost_one(
    tmp_path: Path, database: dict[str, dict[str, str]], client: ClientSession, level: str
) -> None:
    service = make_service(tmp_path, database)
    if database:
        assert (await service.run("db", "upgrade")).status == 0
    await service.add_user("alice")
    ending = ("revoke", level, *(["alice"] if level == "--user" else []))
    url = load_settings(service.config, environ={}, flags={}).database_url
    async with serving(service):
        before = await log_in_token(client, service)

        async def is_refused(token: str) -> bool:
            return await ask(client, service, token) == 401

        assert (await service.run(*ending)).status == 0
        await until(partial(is_refused, before), "refused")
        between = await log_in_token(client, service)
        assert await ask(client, service, between) == 200
        await run_sql(url, *LOSE[level])
        sealed = read_clock().unix  # a failover takes longer than what is left of this second

        async def is_over() -> bool:
            return read_clock().unix > sealed

        await until(is_over, "the next second")
        assert (await service.run(*ending)).status == 0
        await until(partial(is_refused, between), "refused")
        assert await ask(client, service, await log_in_token(client, service)) == 200
