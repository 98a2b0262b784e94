"""One refresh token, shown to two processes of a deployment: one successor, or the end for all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.contracts.sql_stores import run_sql
from tests.faults.asking import ask, log_in, log_out, until
from tests.faults.pairs import Pair, serving_pair
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

AT_ONCE = 50
ROUNDS = 10
GRACE = "20s"  # fifty answers take one or two
PASS_THE_GRACE = "UPDATE sessions SET rotated_at = rotated_at - 20"


@pytest.fixture
def url(database: dict[str, dict[str, str]], tmp_path: Path) -> str:
    """Return where the database is."""
    return database.get("database", {}).get("url", f"sqlite:///{tmp_path}/data/sidecar.db")


@pytest_asyncio.fixture
async def pair(database: dict[str, dict[str, str]], tmp_path: Path) -> AsyncIterator[Pair]:
    """Run two processes on one database, with a user alice."""
    settings: dict[str, dict[str, Any]] = {**database, "tokens": {"refresh_grace": GRACE}}
    async with serving_pair(tmp_path, settings, upgrade=True) as running:
        yield running


async def refresh(
    client: ClientSession, service: Service, token: str
) -> tuple[int, dict[str, Any]]:
    """Show a refresh token; return the status and what was answered."""
    async with client.post(f"{service.url}/refresh", json={"refresh_token": token}) as answer:
        return answer.status, await answer.json()


async def turn(client: ClientSession, service: Service, token: str) -> dict[str, Any]:
    """Refresh, and return what was given."""
    status, given = await refresh(client, service, token)
    assert status == 200, given
    return given


async def count_sessions(client: ClientSession, service: Service, token: str) -> int:
    """Return how many living sessions the owner of an access token has."""
    headers = {"Authorization": f"Bearer {token}"}
    async with client.get(f"{service.url}/me/sessions", headers=headers) as answer:
        assert answer.status == 200
        return len((await answer.json())["items"])


async def test_fifty_refreshes_of_one_token_at_once_have_one_successor(
    pair: Pair, client: ClientSession, url: str
) -> None:
    services = (pair.one, pair.other)
    given = await log_in(client, pair.one)
    seen = [given["refresh_token"]]
    for _ in range(ROUNDS):
        answers = await asyncio.gather(
            *(turn(client, services[number % 2], seen[-1]) for number in range(AT_ONCE))
        )
        (successor,) = {each["refresh_token"] for each in answers}
        assert len({each["access_token"] for each in answers}) == AT_ONCE
        for service in services:
            assert await ask(client, service, answers[0]["access_token"]) == 200
            assert await count_sessions(client, service, answers[-1]["access_token"]) == 1
        seen.append(successor)
        given = answers[0]
    assert len(set(seen)) == ROUNDS + 1

    await run_sql(url, PASS_THE_GRACE)
    status, problem = await refresh(client, pair.other, seen[-2])
    assert (status, problem["reason"]) == (401, "invalid_grant")
    for service in services:

        async def is_refused(service: Service = service) -> bool:
            return await ask(client, service, given["access_token"]) == 401

        assert await until(is_refused, "refused") < 1.5
        assert (await refresh(client, service, seen[-1]))[0] == 401


async def test_two_refreshes_in_one_second_by_two_processes_are_two_turns(
    pair: Pair, client: ClientSession
) -> None:
    """No clock takes part: what one process gave, the other turns at once."""
    given = await log_in(client, pair.one)
    for _ in range(5):
        for here, there in pair.ways():
            token = given["refresh_token"]
            given = await turn(client, here, token)
            again = await turn(client, there, token)  # an answer that was lost
            assert again["refresh_token"] == given["refresh_token"] != token
    assert await count_sessions(client, pair.other, given["access_token"]) == 1


def lengthen(token: str) -> str:
    return f"{token}A"


def cut(token: str) -> str:
    return token[:-1]


def cut_by_an_octet(token: str) -> str:
    return token[:-2] + "A"


def change_a_bit(token: str) -> str:
    return token[:30] + ("A" if token[30] != "A" else "B") + token[31:]


SPOILT: dict[str, tuple[Callable[[str], str], int]] = {
    "lengthened": (lengthen, 401),
    "cut": (cut, 401),
    "cut by an octet": (cut_by_an_octet, 401),
    "one bit": (change_a_bit, 401),
    "empty": (lambda _: "", 422),
    "a line break behind it": (lambda token: f"{token}\n", 422),
}


async def test_a_spoilt_token_or_one_whose_owner_is_gone_is_refused_and_spends_nothing(
    pair: Pair, client: ClientSession
) -> None:
    given = await log_in(client, pair.one)
    for name, (spoil, expected) in SPOILT.items():
        status, problem = await refresh(client, pair.other, spoil(given["refresh_token"]))
        assert (status, problem["reason"]) == (
            expected,
            "invalid_grant" if expected == 401 else "fields_invalid",
        ), name
    given = await turn(client, pair.other, given["refresh_token"])

    ended = await log_in(client, pair.one)
    await log_out(client, pair.one, ended["access_token"])
    gone = []
    for name, command in (("bob", "remove"), ("carol", "disable")):
        await pair.one.add_user(name)
        gone.append(await log_in(client, pair.one, name))
        done = await pair.one.run("user", command, name)
        assert done.status == 0, done.err
    for tokens in (ended, *gone):
        status, problem = await refresh(client, pair.other, tokens["refresh_token"])
        assert (status, problem["reason"]) == (401, "invalid_grant")
    await turn(client, pair.one, given["refresh_token"])
