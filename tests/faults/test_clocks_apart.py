"""Two replicas whose clocks are an hour apart, for good: each goes by its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from sidecar.clock import read_clock
from tests.faults.asking import log_in, log_out, until, until_degraded
from tests.faults.clocks import Shifted, bearer
from tests.faults.shifted import Shifts
from tests.faults.test_reload import header_kid, published
from tests.programs.postgres import Postgres
from tests.programs.redis import RedisServer
from tests.programs.service import PASSWORD, end_quietly, make_service

pytestmark = pytest.mark.asyncio

HOUR: Final = 3600  # seconds
SOON: Final = 1800  # seconds from now: over by the clock that is ahead, and by no other
TURNING: Final = {"keys": {"rotate_every": "65m", "publish_ahead": "10m"}}


class Apart(NamedTuple):
    """A replica by the clock of this machine, and one by a clock that is an hour ahead."""

    behind: Shifted
    ahead: Shifted


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    """Return the settings of both."""
    return {}


@pytest_asyncio.fixture
async def apart(
    tmp_path: Path,
    client: ClientSession,
    postgres: Postgres,
    redis_server: RedisServer,
    settings: dict[str, dict[str, Any]],
) -> AsyncIterator[Apart]:
    """Run both, on PostgreSQL and Redis, with people who can log in."""
    stores: dict[str, dict[str, Any]] = {
        "database": {"url": await asyncio.to_thread(postgres.make_database)},
        "redis": {"url": redis_server.url},
        "revocation": {"canary": None},
    }
    two = []
    for name in ("behind", "ahead"):
        service = make_service(tmp_path, {**settings, **stores})
        two.append(Shifted(service, Shifts(tmp_path / f"shifts-{name}"), client))
    running = Apart(*two)
    running.ahead.shifts.set(ahead=HOUR)
    service = running.behind.service
    assert (await service.run("db", "upgrade")).status == 0
    for name in ("alice", "bob"):
        await service.add_user(name)
    try:
        for each in running:
            await each.start()
            await until_degraded(client, each.service)
        yield running
    finally:
        for each in running:
            await end_quietly(each.service)


async def test_sessions_go_on_at_either_by_a_refresh_and_cookies_pass_at_both(
    apart: Apart, client: ClientSession
) -> None:
    behind, ahead = apart
    tokens, cookie = await log_in(client, behind.service), await behind.log_in_cookie("alice")
    assert [await each.judge(cookie) for each in apart] == [(200, None)] * 2
    assert await behind.judge(bearer(tokens)) == (200, None)
    assert await ahead.judge(bearer(tokens)) == (401, "expired")
    later = await ahead.refresh(tokens)
    assert later is not None
    assert await ahead.judge(bearer(later)) == (200, None)
    assert await behind.judge(bearer(later)) == (401, "not_yet_valid")
    again = await behind.refresh(later)
    assert await behind.judge(bearer(again)) == (200, None)
    await ahead.sweep(read_clock().unix + SOON)
    assert [await each.judge(cookie) for each in apart] == [(200, None)] * 2
    assert await behind.refresh(again or {}) is not None


async def test_who_was_revoked_passes_at_neither_whatever_the_one_ahead_has_swept(
    apart: Apart, client: ClientSession
) -> None:
    behind, ahead = apart
    tokens = [await log_in(client, each.service) for each in apart]
    cookies = [await each.log_in_cookie("bob") for each in apart]
    for each, other, token, cookie in zip(apart, (ahead, behind), tokens, cookies, strict=True):
        await log_out(client, each.service, token["access_token"])
        await each.log_out_browser(cookie)

        async def is_refused(other: Shifted = other, cookie: dict[str, str] = cookie) -> bool:
            return (await other.judge(cookie))[0] == 401

        await until(is_refused, "refused by the other one")
    assert await behind.judge(bearer(tokens[0])) == (401, "revoked_session")

    async def assert_out() -> None:
        for each in apart:
            for headers in (*map(bearer, tokens), *cookies):
                assert (await each.judge(headers))[0] == 401
            for token in tokens:
                assert await each.refresh(token) is None
        assert await behind.judge(bearer(tokens[0])) == (401, "revoked_session")
        assert await ahead.judge(bearer(tokens[1])) == (401, "revoked_session")

    await assert_out()
    await ahead.sweep(read_clock().unix + SOON)
    await assert_out()
    # Nor does one that starts behind that know less.
    await behind.service.end()
    await behind.start()
    await assert_out()


async def test_a_few_wrong_passwords_at_the_one_ahead_keep_nobody_out_at_the_other(
    apart: Apart, client: ClientSession
) -> None:
    for each in (apart.ahead, apart.behind, apart.ahead):
        for _ in range(3):
            body = {"username": "alice", "password": "not that one"}
            async with client.post(f"{each.service.url}/login", json=body) as answer:
                assert answer.status == 401
    for each in apart:
        await log_in(client, each.service, "alice", PASSWORD)


@pytest.mark.parametrize("settings", [TURNING], ids=["the next key is due for the one ahead"])
async def test_a_key_that_the_one_ahead_makes_leaves_nobody_without_one(
    apart: Apart, client: ClientSession
) -> None:
    async def both_publish_two() -> bool:
        return all([len(await published(client, each.service)) == 2 for each in apart])

    await until(both_publish_two, "the next key")
    kids = set()
    for each in apart:
        tokens = await log_in(client, each.service)
        assert await each.judge(bearer(tokens)) == (200, None)
        kids.add(header_kid(tokens["access_token"]))
    assert kids <= await published(client, apart.behind.service)
