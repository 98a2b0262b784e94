"""Keys turn while processes serve: each is published before it signs, and nobody is refused."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.app.services import open_services
from sidecar.clock import read_clock
from sidecar.settings import load_settings
from tests.faults.asking import (
    ask,
    let_in_until,
    log_in,
    log_in_token,
    readiness,
    until,
    until_degraded,
)
from tests.faults.pairs import Pair, serving_pair
from tests.faults.test_reload import header_kid, logged, published
from tests.faults.test_revoked_everywhere import BY_REDIS, BY_SQL
from tests.programs.redis import serving_redis
from tests.programs.service import PASSWORD, Service, make_service, serving
from tests.sources.keydirs import DAY, put, put_key

pytestmark = pytest.mark.asyncio

EVERY, AHEAD = 7, 4  # seconds
READ_WITHIN = 2.0  # seconds in which a process publishes what was written
REVOCATIONS = 3
TURNING: dict[str, dict[str, Any]] = {
    "keys": {"rotate_every": f"{EVERY}s", "publish_ahead": f"{AHEAD}s"}
}


@pytest_asyncio.fixture
async def turning(tmp_path: Path) -> AsyncIterator[Pair]:
    """Run two processes whose keys turn every few seconds."""
    async with serving_pair(tmp_path, TURNING) as running:
        yield running


async def test_every_key_is_published_by_every_replica_before_any_of_them_signs_with_it(
    turning: Pair, client: ClientSession
) -> None:
    """And no token is refused by the other one."""
    began = time.monotonic()
    first_seen: list[dict[str, float]] = [{}, {}]
    first_signed: dict[str, float] = {}
    while time.monotonic() < began + 2.5 * EVERY:
        for number, (here, there) in enumerate(turning.ways()):
            for kid in await published(client, here):
                first_seen[number].setdefault(kid, time.monotonic())
            token = await log_in_token(client, here)
            first_signed.setdefault(header_kid(token), time.monotonic())
            assert await ask(client, there, token) == 200
    first = min(first_signed, key=lambda kid: first_signed[kid])
    turned = first_signed.keys() - {first}
    assert len(turned) >= 2
    for kid in turned:
        for seen in first_seen:
            assert first_signed[kid] - seen[kid] >= AHEAD - READ_WITHIN


async def test_a_key_that_is_asked_for_signs_on_both_after_it_was_published(
    pair: Pair, client: ClientSession
) -> None:
    asked = await pair.one.run("key", "rotate", "--now", "--alg", "ES256")
    assert asked.status == 0, asked.err
    kid = asked.out.strip()

    for service, other in pair.ways():

        async def signs(service: Service = service) -> bool:
            return header_kid(await log_in_token(client, service)) == kid

        await until(signs, "a token of the new key")
        assert kid in await published(client, other)
        assert await ask(client, other, await log_in_token(client, service)) == 200


async def test_what_a_revoked_key_sealed_is_refused_on_both_also_where_it_is_warm(
    pair: Pair, client: ClientSession
) -> None:
    tokens = await log_in(client, pair.one)
    token = tokens["access_token"]
    for service in (pair.one, pair.other):
        assert await ask(client, service, token) == 200
    warm = asyncio.gather(
        *(keep_asking(client, service, token) for service in (pair.one, pair.other))
    )
    revoked = await pair.one.run("key", "revoke", header_kid(token))
    since = time.monotonic()
    assert (revoked.status, revoked.err) == (0, "revoked\n")
    for service in (pair.one, pair.other):
        assert await let_in_until(client, service, token, since) <= BY_SQL
    assert max(await warm) - since <= BY_SQL
    # Nobody is logged out: the session gets a token by the next key, three seconds later.
    answered = await refresh_until_answered(client, pair.other, tokens["refresh_token"])
    renewed = answered["access_token"]
    assert header_kid(renewed) != header_kid(token)
    for service in (pair.one, pair.other):
        assert await ask(client, service, renewed) == 200
        assert header_kid(token) not in await published(client, service)
        assert await ask(client, service, token) == 401
    listed = json.loads((await pair.one.run("key", "list", "--json")).out)
    assert {row["kid"] for row in listed if row["state"] == "revoked"} == {header_kid(token)}
    for service in (pair.one, pair.other):  # and once in each log
        read = [line.get("changed", []) for line in logged(service, "keys: read")]
        assert sum(f"{header_kid(token)} revoked" in changed for changed in read) == 1


async def test_a_revoked_key_is_refused_on_both_as_quickly_as_redis_tells(
    tmp_path: Path, client: ClientSession
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    late: list[float] = []
    async with (
        serving_redis(folder) as redis,
        serving_pair(tmp_path, {"redis": {"url": redis.url}}) as pair,
    ):
        tokens = await log_in(client, pair.one)
        settings = load_settings(pair.one.config, environ={}, flags={})
        async with open_services(settings) as services:
            for _ in range(REVOCATIONS):
                token = tokens["access_token"]
                for service in (pair.one, pair.other):
                    assert await ask(client, service, token) == 200
                await services.key_rotation.revoke(header_kid(token), read_clock().unix)
                since = time.monotonic()
                late += await asyncio.gather(
                    *(let_in_until(client, each, token, since) for each in (pair.one, pair.other))
                )
                tokens = await refresh_until_answered(client, pair.one, tokens["refresh_token"])
    assert max(late) <= BY_SQL
    assert sorted(late)[-2] <= BY_REDIS, late


async def keep_asking(client: ClientSession, service: Service, token: str) -> float:
    """Ask until the gate refuses; return the monotonic second of the last question let in."""
    latest = 0.0
    while True:
        sent = time.monotonic()
        if await ask(client, service, token) != 200:
            return latest
        latest = sent


async def refresh_until_answered(
    client: ClientSession, service: Service, refresh: str
) -> dict[str, Any]:
    """Refresh until a key signs again; until then the answer is that it is worth trying again."""
    began = time.monotonic()
    while True:
        async with client.post(f"{service.url}/refresh", json={"refresh_token": refresh}) as answer:
            if answer.status == 200:
                tokens: dict[str, Any] = await answer.json()
                return tokens
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert time.monotonic() - began <= 3 + READ_WITHIN
        await asyncio.sleep(0.05)


async def test_a_cookie_of_a_revoked_key_is_worth_nothing_and_renews_nothing(
    pair: Pair, client: ClientSession
) -> None:
    body = {"username": "alice", "password": PASSWORD, "cookie": True}
    async with client.post(f"{pair.one.url}/login", json=body) as answer:
        assert answer.status == 200
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    service, headers = pair.other, {"Cookie": cookie}

    async def goes_on() -> bool:
        url = f"{service.url}/login"
        async with client.get(url, headers=headers, allow_redirects=False) as answer:
            return answer.status == 303

    assert await goes_on()
    kid = header_kid(cookie.partition("=")[2])
    assert (await pair.one.run("key", "revoke", kid)).status == 0

    async def is_sent_away() -> bool:
        return not await goes_on()

    assert await until(is_sent_away, "the login page") <= BY_SQL
    async with client.get(f"{service.url}/login", headers=headers) as answer:
        assert answer.status == 200
        given = answer.headers.getall("Set-Cookie", [])
        assert not any(line.startswith("__Host-sidecar=") for line in given)
    async with client.post(f"{service.url}/logout", headers=headers) as answer:
        assert answer.status == 204  # as for any cookie that is over: it ends nobody's session


def make_old(service: Service, age: float) -> None:
    """Let a token key and a cookie key lie there that have been signing for so many seconds."""
    keys = service.directory / "keys"
    keys.mkdir(mode=0o700)
    now = int(time.time())
    for purpose in ("token", "cookie"):
        dates = {"not_before": now - int(age), "sign_until": now + DAY, "publish_until": now + DAY}
        put_key(keys, Ed25519PrivateKey.generate(), purpose, purpose=purpose, **dates)
    put(keys / "secret", bytes(32))


@pytest.mark.parametrize("overdue", [False, True])
async def test_where_no_key_can_be_written_it_is_said_once_and_shown_once_it_is_overdue(
    tmp_path: Path, client: ClientSession, overdue: bool
) -> None:
    """As in a directory that is mounted read-only: another replica, or a command, turns them."""
    every, ahead = 3600, 600
    service = make_service(
        tmp_path, {"keys": {"rotate_every": f"{every}s", "publish_ahead": f"{ahead}s"}}
    )
    make_old(service, every + 5 if overdue else every - ahead / 2)
    (tmp_path / "keys" / ".lock").mkdir()
    await service.add_user("alice")
    async with serving(service):

        async def is_said() -> bool:
            return bool(logged(service, "no key is made by this process"))

        await until(is_said, "that no key is made")
        expected = ["keys"] if overdue else []
        assert await readiness(client, service) == (200, expected)
        assert await ask(client, service, await log_in_token(client, service)) == 200
        (tmp_path / "keys" / ".lock").rmdir()
        (tmp_path / "keys" / ".lock").touch(mode=0o600)

        async def is_published() -> bool:
            return len(await published(client, service)) == 2

        await until(is_published, "the next key")
        await until_degraded(client, service)
    assert len(logged(service, "no key is made by this process")) == 1
