"""`kill -9` at every await of a logout: it is done or undone, and never half."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from sidecar.stores.redis.log import SNAPSHOT, encode_member
from sidecar.stores.sql import open_store
from tests.faults.asking import until
from tests.faults.deaths import (
    ENDED,
    UNTOUCHED,
    Settings,
    assert_undone_then_done,
    die_everywhere,
    prepare,
)
from tests.programs.redis import RedisServer
from tests.programs.service import Service, serving

pytestmark = pytest.mark.asyncio


async def test_a_session_has_ended_or_goes_on_and_what_ended_is_announced(
    tmp_path: Path, database: Settings, redis_server: RedisServer
) -> None:
    service = await prepare(tmp_path, {**database, "redis": {"url": redis_server.url}})
    told = await die_everywhere(service, "logout")
    done = [ENDED, UNTOUCHED]
    assert_undone_then_done(told, [UNTOUCHED, UNTOUCHED], done)
    written = [each["found"] for each in told].count(done)
    await assert_announced(service, redis_server, at_least=written)


async def test_all_sessions_of_somebody_have_ended_or_go_on(
    tmp_path: Path, database: Settings
) -> None:
    service = await prepare(tmp_path, database)
    told = await die_everywhere(service, "everywhere")
    assert_undone_then_done(told, [UNTOUCHED, UNTOUCHED], [ENDED, ENDED])


async def assert_announced(service: Service, redis_server: RedisServer, *, at_least: int) -> None:
    """Fail unless the next start announces all that the dead had written and not announced."""
    url = service.settings.get("database", {}).get("url")
    url = url or f"sqlite:///{service.directory / 'data' / 'sidecar.db'}"
    async with (
        serving(service),
        open_store(url, outbox=True) as store,
        Redis.from_url(redis_server.url, decode_responses=True) as redis,
    ):

        async def is_empty() -> bool:
            return not await store.revocations.read_outbox()

        await until(is_empty, "the outbox is announced")
        written = await store.revocations.read_entries(0)
        announced = await redis.zrange(SNAPSHOT, 0, -1)
    assert len(written) >= at_least
    assert {encode_member(entry.revocation) for entry in written} <= set(announced)
