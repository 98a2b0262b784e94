"""A Redis that would evict revocations is named at once, and its reads do not count as fresh."""

import logging
from typing import Any

import pytest

from sidecar.stores.redis import reading as following
from sidecar.stores.redis.log import SNAPSHOT
from tests.contracts.redis_readers import Reader, entries, raw_client, reading, token
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

SOME_MEMORY = "100mb"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the policy in every turn."""
    monkeypatch.setattr(following, "INSPECT_PERIOD", 0.0)


async def configure(server: RedisServer, policy: str, maxmemory: str = SOME_MEMORY) -> None:
    async with raw_client(server.url) as client:
        await client.config_set("maxmemory", maxmemory)
        await client.config_set("maxmemory-policy", policy)


async def until_named(reader: Reader) -> None:
    await reader.until(lambda: not reader.feed.healthy)


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_policy_that_evicts_any_key_is_named_until_it_is_changed(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture, policy: str
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    await configure(redis_server, policy)
    async with reading(redis_server.url) as there:
        await until_named(there)
        assert await there.feed.announce(entries(token("j")))
        await there.until_holds("j")  # it is carried all the same
        assert there.heard == []
        await configure(redis_server, "noeviction")
        await there.until_fresh()
        assert there.feed.healthy
        await configure(redis_server, policy)
        await until_named(there)
    named = [r.getMessage() for r in caplog.records if "maxmemory-policy" in r.getMessage()]
    assert [(policy in line, "SQL alone" in line) for line in named] == [(True, False)] * 2


@pytest.mark.parametrize(
    ("policy", "maxmemory"),
    [
        ("noeviction", SOME_MEMORY),
        ("volatile-lru", SOME_MEMORY),
        ("volatile-lfu", SOME_MEMORY),
        ("volatile-random", SOME_MEMORY),
        ("volatile-ttl", SOME_MEMORY),
        ("allkeys-lru", "0"),
    ],
)
async def test_a_policy_that_leaves_keys_without_expiry_is_none_of_our_business(
    redis_server: RedisServer, policy: str, maxmemory: str
) -> None:
    await configure(redis_server, policy, maxmemory)
    async with reading(redis_server.url) as there:
        await there.until_fresh()
        assert there.feed.healthy


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-ttl", "volatile-random"])
async def test_what_we_keep_outlives_a_full_memory_under_a_volatile_policy(
    redis_server: RedisServer, policy: str
) -> None:
    """Our log has no expiry: it stays when all that has one is gone, and new entries fail."""
    async with raw_client(redis_server.url) as client, reading(redis_server.url) as there:
        await there.until_fresh()
        assert await there.feed.announce(entries(token("kept")))
        await client.set("{sidecar}:throttle:user:x", "1", ex=60)
        await configure(redis_server, policy, "1")
        assert not await there.feed.announce(entries(token("j")))
        assert await client.exists("{sidecar}:throttle:user:x") == 0
        assert await client.zrange(SNAPSHOT, 0, -1) == ["token 0 kept"]


async def make_user(server: RedisServer, denied: str) -> str:
    """Add a user who may do all but this; return the URL for them."""
    async with raw_client(server.url) as opened:
        client: Any = opened
        rights = ("on", ">s3cret", "~{sidecar}:*", "+@all", *denied.split())
        await client.execute_command("ACL", "SETUSER", "sidecar", *rights)
    return server.url.replace("redis://", "redis://sidecar:s3cret@")


@pytest.mark.parametrize("denied", ["-info", "-info -config", "-@dangerous"])
async def test_where_nobody_may_ask_nothing_is_said(redis_server: RedisServer, denied: str) -> None:
    await configure(redis_server, "allkeys-lru")
    async with reading(await make_user(redis_server, denied)) as there:
        await there.until_fresh()
        assert there.feed.healthy


async def test_config_is_not_asked_which_services_hide(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    await configure(redis_server, "allkeys-lru")
    async with reading(await make_user(redis_server, "-config")) as there:
        await until_named(there)
    assert "maxmemory-policy" in caplog.text
