"""What is true of one store of attempts alone: how it expires, fails, and is cleared."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.core.audit import OPERATOR, Action, AuditEvent, AuditQuery
from sidecar.core.throttle import HOUR, Blocked, Bucket
from sidecar.errors import DocumentInvalid, StoreUnavailable
from sidecar.ports.throttle import Counted, ThrottleStore
from sidecar.stores.redis.throttle import RedisThrottle
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.tables import throttle
from tests.contracts.sql_stores import NOW, REFRESH_TTL, read_tables
from tests.contracts.throttles import (
    ALICE,
    DELAY,
    EVE,
    HOME,
    LOGINS,
    SERVICE,
    MemoryThrottle,
    knock,
)
from tests.programs.process import free_port
from tests.programs.redis import RedisServer, serving_redis

KEYS = st.sampled_from([ALICE, EVE, SERVICE, HOME])
STEPS = st.lists(
    st.tuples(
        st.integers(-70, 70) | st.sampled_from([0, 1, -HOUR, HOUR]),
        st.lists(KEYS, min_size=1, max_size=3, unique=True),
        st.sampled_from(["leave", "forgive", "welcome"]),
    ),
    max_size=40,
)


def test_redis_counts_as_the_core_does(tmp_path: Path) -> None:
    """The arithmetic stands twice, in Lua and in core/throttle.py: no schedule tells them apart."""
    with asyncio.Runner() as runner:
        serving = serving_redis(tmp_path)
        server = runner.run(serving.__aenter__())
        try:

            @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
            @given(STEPS)
            def check(steps: Sequence[tuple[int, list[Bucket], str]]) -> None:
                runner.run(walk(server, steps))

            check()
        finally:
            runner.run(serving.__aexit__(None, None, None))


async def walk(server: RedisServer, steps: Sequence[tuple[int, list[Bucket], str]]) -> None:
    """Take the same steps in Redis and in memory; no time passes for what Redis drops by itself."""
    memory, now = MemoryThrottle(), NOW
    async with aclosing(RedisThrottle(server.url)) as redis:
        await redis._client.flushall()
        for pause, buckets, end in steps:
            now += pause
            asked = [*buckets, LOGINS]
            answer = await redis.admit(asked, now)
            assert answer == await memory.admit(asked, now)
            if isinstance(answer, Blocked) or end == "leave":
                continue
            for store in (redis, memory):
                if end == "forgive":
                    await store.forgive(answer)
                else:
                    await store.welcome(answer, LOGINS, now)
        assert await redis.list_tallies() == await memory.list_tallies()


@pytest.mark.asyncio
async def test_keys_in_redis_expire_by_themselves(redis_server: RedisServer) -> None:
    async with aclosing(RedisThrottle(redis_server.url)) as redis:
        mine = await knock(redis, ALICE)
        assert isinstance(mine, Counted)
        await redis.welcome(mine, LOGINS, NOW)
        client: Any = redis._client
        ttls = {key: await client.ttl(key) for key in await client.keys("*")}
    assert {key: ttl in range(1, DELAY.quiet + 1) for key, ttl in ttls.items()} == {
        f"{{sidecar}}:throttle:{key}": True for key in (ALICE.key, LOGINS.key)
    }


@pytest.mark.asyncio
async def test_a_redis_that_is_away_frozen_or_full_of_something_else_is_unavailable(
    redis_server: RedisServer,
) -> None:
    async with aclosing(RedisThrottle(redis_server.url)) as redis:
        client: Any = redis._client
        await client.set(f"{{sidecar}}:throttle:{ALICE.key}", "something else")
        with pytest.raises(StoreUnavailable):
            await knock(redis, ALICE)
        assert redis_server.program is not None
        redis_server.program.process.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable):
            await knock(redis, EVE)
    async with aclosing(RedisThrottle(f"redis://127.0.0.1:{free_port()}/0")) as redis:
        with pytest.raises(StoreUnavailable):
            await knock(redis, EVE)


def test_what_is_no_url_of_redis_is_said_without_its_password() -> None:
    with pytest.raises(DocumentInvalid) as raised:
        RedisThrottle("redis://:secret@host:port/0")
    assert "secret" not in str(raised.value)


CLEARED = AuditEvent(NOW, Action.THROTTLE_CLEARED, OPERATOR, "id-of-alice")


@pytest.mark.asyncio
async def test_clearing_forgets_what_is_named_and_below_it_and_is_one_row_of_the_trail(
    store: SqlStore,
) -> None:
    await fill(store.throttle)
    await store.throttle.clear([ALICE.key, "known:alice:"], CLEARED)
    assert {key for key, _ in await store.throttle.list_tallies()} == LEFT
    (record,) = await store.audit.read_events(AuditQuery(10))
    assert (record.action, record.subject) == ("throttle.cleared", "id-of-alice")


@pytest.mark.asyncio
async def test_clearing_redis_forgets_the_same(redis_server: RedisServer) -> None:
    async with aclosing(RedisThrottle(redis_server.url)) as redis:
        await fill(redis)
        await redis.clear([ALICE.key, "known:alice:"])
        assert {key for key, _ in await redis.list_tallies()} == LEFT


LEFT = {"user:alicea", "known:alic_:home", "logins:alice", "user:eve", "known:alicea:home"}


async def fill(store: ThrottleStore) -> None:
    """Count attempts under names that are alike, and a login of alice."""
    mine = await knock(store, ALICE)
    assert isinstance(mine, Counted)
    await store.welcome(mine, LOGINS, NOW)
    alike = [Bucket(key, DELAY) for key in LEFT - {LOGINS.key}]
    await knock(store, ALICE, HOME, *alike)


@pytest.mark.asyncio
async def test_the_sweep_drops_what_counts_for_nothing_any_more(
    store: SqlStore, database_url: str
) -> None:
    mine = await knock(store.throttle, ALICE, SERVICE)
    assert isinstance(mine, Counted)
    await store.throttle.welcome(mine, LOGINS, NOW)
    for now, left in (
        (NOW + 29, {ALICE.key, SERVICE.key, LOGINS.key}),
        (NOW + 30, {ALICE.key, LOGINS.key}),
        (NOW + 60, set()),
    ):
        await store.sweep.purge(now, refresh_ttl=REFRESH_TTL)
        assert {row[0] for row in (await read_tables(database_url))[throttle.name]} == left
