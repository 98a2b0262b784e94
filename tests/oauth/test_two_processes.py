"""A program that was removed or changed on one process is refused by the other in time."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import ask, let_in_until, log_in_token, until
from tests.faults.pairs import Pair, serving_pair
from tests.oauth.programs import basic
from tests.programs.service import PASSWORD, Service

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def pair(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    settings = {}
    if request.param == "postgresql":
        settings["database"] = {"url": request.getfixturevalue("postgres").make_database()}
    upgrade = request.param == "postgresql"
    async with serving_pair(tmp_path, settings, upgrade=upgrade, user=None) as running:
        yield running


async def add_client(service: Service, *arguments: str) -> tuple[str, dict[str, str]]:
    """Add a program; return its `client_id` and what it shows."""
    ran = await service.run("client", "add", "reports", "--json", *arguments)
    made = json.loads(ran.out)
    return made["client_id"], basic(made["client_id"], made["client_secret"])


async def fetch(client: ClientSession, service: Service, auth: dict[str, str]) -> str | None:
    """Return an access token of a program; None where it is refused."""
    form = {"grant_type": "client_credentials"}
    async with client.post(f"{service.url}/oauth/token", data=form, headers=auth) as answer:
        members = await answer.json()
        if answer.status == 200:
            token: str = members["access_token"]
            return token
        assert (answer.status, members["error"]) == (401, "invalid_client")
        return None


async def test_a_program_that_an_operator_removes_is_refused_by_both(pair: Pair) -> None:
    async with ClientSession() as client:
        client_id, auth = await add_client(pair.one)
        tokens = {}
        for here, there in pair.ways():  # sealed by one, good at the other
            token = tokens[there.url] = await fetch(client, here, auth) or ""
            assert await ask(client, there, token) == 200
        assert (await pair.one.run("client", "remove", client_id)).status == 0
        removed = time.monotonic()
        for service in (pair.one, pair.other):
            assert await let_in_until(client, service, tokens[service.url], removed) <= BY_SQL
            assert await fetch(client, service, auth) is None


async def test_a_program_that_is_changed_at_one_has_new_rights_at_the_other(pair: Pair) -> None:
    await pair.one.add_user("root", "--role", "admin", password=PASSWORD)
    async with ClientSession() as client:
        client_id, auth = await add_client(pair.one)
        administrator = {"Authorization": f"Bearer {await log_in_token(client, pair.one, 'root')}"}
        seen = '"0"'
        for version, (here, there) in enumerate(pair.ways()):
            token = await fetch(client, there, auth) or ""
            assert await ask(client, there, token) == 200
            headers = administrator | {"If-Match": seen}
            change = {"scopes": [f"s{version}"]}
            url = f"{here.url}/clients/{client_id}"
            async with client.patch(url, json=change, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                seen = answer.headers["ETag"]
            changed = time.monotonic()
            assert await ask(client, here, token) == 401
            assert await let_in_until(client, there, token, changed) <= BY_SQL
            assert await ask(client, there, await fetch(client, there, auth) or "") == 200


async def test_a_secret_that_one_gives_is_good_at_the_other(pair: Pair) -> None:
    async with ClientSession() as client:
        client_id, first = await add_client(pair.one)
        ran = await pair.one.run("client", "rotate", client_id, "--json")
        second = basic(client_id, json.loads(ran.out)["client_secret"])
        ran = await pair.one.run("client", "rotate", "reports", "--json")
        third = basic(client_id, json.loads(ran.out)["client_secret"])
        for service in (pair.one, pair.other):
            given = [await fetch(client, service, auth) for auth in (first, second, third)]
            assert [token is not None for token in given] == [False, True, True]


async def test_an_operator_takes_a_token_away_whomever_it_is_for(pair: Pair) -> None:
    async with ClientSession() as client:
        _, auth = await add_client(pair.one, "--audience", "elsewhere")
        token = await fetch(client, pair.one, auth) or ""

        async def is_active() -> bool:
            url = f"{pair.other.url}/oauth/introspect"
            async with client.post(url, data={"token": token}, headers=auth) as answer:
                told: bool = (await answer.json())["active"]
                return told

        assert await is_active()
        ran = await pair.one.run("revoke", "--token", "-", stdin=token)
        assert (ran.status, ran.err) == (0, "revoked\n")

        async def is_over() -> bool:
            return not await is_active()

        await until(is_over, "the token is taken away")
