"""Personal tokens over two processes: taken back on one means refused by the other, in time."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import ask, let_in_until, log_in_token, until
from tests.faults.pairs import Pair, serving_pair
from tests.programs.redis import serving_redis
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds
BY_REDIS = 0.25  # seconds, of 99 in a hundred; a pause of the whole machine may take the rest
SCOPES = {"tokens": {"role_scopes": {"staff": ["orders:read"]}}}


@pytest.fixture(params=["sqlite", "postgresql", "postgresql and redis"])
def carrier(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest_asyncio.fixture
async def carried(
    carrier: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """Run a pair on what carries its revocations."""
    settings: dict[str, dict[str, Any]] = {**SCOPES}
    on_postgresql = carrier.startswith("postgresql")
    if on_postgresql:
        settings["database"] = {"url": request.getfixturevalue("postgres").make_database()}
    if not carrier.endswith("redis"):
        async with serving_pair(tmp_path, settings, upgrade=on_postgresql) as running:
            yield running
        return
    folder = tmp_path / "redis"
    folder.mkdir()
    async with serving_redis(folder) as redis:
        settings["redis"] = {"url": redis.url}
        async with serving_pair(tmp_path, settings, upgrade=on_postgresql) as running:
            yield running


async def give(client: ClientSession, service: Service) -> tuple[str, str, dict[str, str]]:
    """Return id and text of a token of alice, and what she calls with."""
    own = {"Authorization": f"Bearer {await log_in_token(client, service)}"}
    url = f"{service.url}/me/tokens"
    async with client.post(url, json={"name": "a"}, headers=own) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    return made["id"], made["token"], own


async def test_a_token_that_is_taken_back_is_refused_by_the_other_process(
    carrier: str, carried: Pair, client: ClientSession
) -> None:
    late = []
    for _ in range(2):
        for here, there in carried.ways():
            token_id, token, own = await give(client, here)
            assert await ask(client, there, token) == 200
            url = f"{here.url}/me/tokens/{token_id}"
            async with client.delete(url, headers=own) as answer:
                assert answer.status == 204
            since = time.monotonic()
            assert await ask(client, here, token) == 401
            late.append(await let_in_until(client, there, token, since))
    assert max(late) <= BY_SQL
    if carrier.endswith("redis"):
        assert sorted(late)[-2] <= BY_REDIS, late


async def test_what_it_was_exchanged_for_goes_with_it(carried: Pair, client: ClientSession) -> None:
    here, there = carried.one, carried.other
    token_id, token, own = await give(client, here)
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    async with client.post(f"{here.url}/oauth/token", data=form) as answer:
        exchanged = (await answer.json())["access_token"]
    assert await ask(client, there, exchanged) == 200
    async with client.delete(f"{here.url}/me/tokens/{token_id}", headers=own) as answer:
        since = time.monotonic()
    assert await let_in_until(client, there, exchanged, since) <= BY_SQL


async def test_commands_of_an_operator_hold_in_running_services(
    tmp_path: Path, client: ClientSession
) -> None:
    async with serving_pair(tmp_path, SCOPES) as pair:
        one, other = pair.one, pair.other
        made = await one.run("token", "add", "alice", "--name", "cron", "--json")
        given = json.loads(made.out)
        _, second, _ = await give(client, one)
        for service in (one, other):
            assert await ask(client, service, given["token"]) == 200
            assert await ask(client, service, second) == 200

        gone = await one.run("token", "remove", given["id"])
        assert gone.status == 0, gone.err
        ended = await one.run("revoke", "--user", "alice")
        assert ended.status == 0, ended.err

        async def are_refused() -> bool:
            texts = (given["token"], second)
            asked = [await ask(client, each, text) for each in (one, other) for text in texts]
            return set(asked) == {401}

        assert await until(are_refused, "refused") <= BY_SQL


async def test_a_new_role_is_there_in_running_services_without_another_token(
    tmp_path: Path, client: ClientSession
) -> None:
    async with serving_pair(tmp_path, SCOPES) as pair:
        _, token, _ = await give(client, pair.one)
        for service in (pair.one, pair.other):
            assert await ask(client, service, token, "/admin/") == 403
        changed = await pair.one.run("user", "set", "alice", "--role", "admin")
        assert changed.status == 0, changed.err

        async def pass_both() -> bool:
            asked = [await ask(client, each, token, "/admin/") for each in (pair.one, pair.other)]
            assert set(asked) <= {200, 403}  # never logged out in between
            return set(asked) == {200}

        assert await until(pass_both, "the new role") <= BY_SQL


async def test_a_token_lives_through_a_restart(tmp_path: Path, client: ClientSession) -> None:
    async with serving_pair(tmp_path, SCOPES) as pair:
        _, token, _ = await give(client, pair.one)
        assert await ask(client, pair.one, token) == 200
        assert await pair.one.end() == 0
        await pair.one.start()
        assert await ask(client, pair.one, token) == 200
