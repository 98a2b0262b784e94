"""What a command takes away is refused by every process that runs, within a second."""

import json
import time

import pytest
from aiohttp import ClientSession

from sidecar.core.encoding import from_base64url
from tests.faults.asking import ask, let_in_until, log_in, log_in_token
from tests.faults.pairs import Pair
from tests.programs.service import PASSWORD, Service

pytestmark = pytest.mark.asyncio

PROMISE = 1.0  # seconds from the end of the command
OTHER_PASSWORD = "another long passphrase"
CHANGES = {  # arguments, standard input, whether the session is refreshed afterwards
    "set": (("set", "alice", "--role", "admin"), "", True),
    "passwd": (("passwd", "alice", "--password-stdin"), OTHER_PASSWORD, False),
    "disable": (("disable", "alice"), "", False),
    "remove": (("remove", "alice"), "", False),
}


def sid_of(token: str) -> str:
    claims = from_base64url(token.split(".")[1])
    assert claims is not None
    sid: str = json.loads(claims)["sid"]
    return sid


async def refused_everywhere(client: ClientSession, pair: Pair, token: str) -> None:
    since = time.monotonic()
    for service in (pair.one, pair.other):
        assert await let_in_until(client, service, token, since) <= PROMISE


async def refresh(client: ClientSession, service: Service, refresh_token: str) -> str | None:
    """Return the next access token, None where there is none."""
    body = {"refresh_token": refresh_token}
    async with client.post(f"{service.url}/refresh", json=body) as answer:
        told = await answer.json()
        if answer.status == 200:
            return str(told["access_token"])
        assert (answer.status, told["reason"]) == (401, "invalid_grant")
        return None


@pytest.mark.parametrize("level", ["token", "session", "user", "everyone"])
async def test_revoke_at_each_level(client: ClientSession, pair: Pair, level: str) -> None:
    await pair.one.add_user("bob")
    token = await log_in_token(client, pair.one)
    neighbour = await log_in_token(client, pair.one)
    bystander = await log_in_token(client, pair.other, "bob")
    arguments, stdin = {
        "token": (("--token", "-"), token),
        "session": (("--session", sid_of(token)), ""),
        "user": (("--user", "ALICE"), ""),
        "everyone": (("--everyone",), ""),
    }[level]
    assert await ask(client, pair.other, token) == 200
    done = await pair.one.run("revoke", *arguments, stdin=stdin)
    assert done.status == 0, done.err
    await refused_everywhere(client, pair, token)
    # No more is taken away than was said.
    spared = {
        "token": (200, 200),
        "session": (200, 200),
        "user": (401, 200),
        "everyone": (401, 401),
    }
    for service in (pair.one, pair.other):
        others = (await ask(client, service, neighbour), await ask(client, service, bystander))
        assert others == spared[level]
    assert await ask(client, pair.one, await log_in_token(client, pair.other)) == 200


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_user_who_was_changed(client: ClientSession, pair: Pair, verb: str) -> None:
    arguments, stdin, lives_on = CHANGES[verb]
    tokens = await log_in(client, pair.one)
    assert await ask(client, pair.other, tokens["access_token"]) == 200
    assert await ask(client, pair.other, tokens["access_token"], "/admin/") == 403
    done = await pair.one.run("user", *arguments, stdin=stdin)
    assert done.status == 0, done.err
    await refused_everywhere(client, pair, tokens["access_token"])
    fresh = await refresh(client, pair.other, tokens["refresh_token"])
    assert (fresh is not None) is lives_on
    if fresh is not None:
        assert await ask(client, pair.other, fresh, "/admin/") == 200  # today's rights
        assert await ask(client, pair.one, fresh, "/admin/") == 200


async def test_a_new_password_is_the_only_one_everywhere(client: ClientSession, pair: Pair) -> None:
    done = await pair.one.run("user", "passwd", "alice", "--password-stdin", stdin=OTHER_PASSWORD)
    assert done.status == 0, done.err
    body = {"username": "alice", "password": PASSWORD}
    async with client.post(f"{pair.other.url}/login", json=body) as answer:
        assert answer.status == 401
    await log_in(client, pair.other, password=OTHER_PASSWORD)


async def test_who_was_disabled_and_enabled_logs_in_again_but_old_tokens_stay_refused(
    client: ClientSession, pair: Pair
) -> None:
    token = await log_in_token(client, pair.one)
    for verb in ("disable", "enable"):
        assert (await pair.one.run("user", verb, "alice")).status == 0
    await refused_everywhere(client, pair, token)
    assert await ask(client, pair.one, await log_in_token(client, pair.other)) == 200
    assert await ask(client, pair.one, token) == 401
