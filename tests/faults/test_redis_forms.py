"""Services on Sentinels, on a cluster, and on a Redis that is emptied, evicts or refuses."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.contracts.redis_readers import raw_client, reading
from tests.faults.asking import ask, let_in_until, log_in_token, log_out, until, until_degraded
from tests.faults.figures import note
from tests.faults.pairs import Pair, serving_pair
from tests.programs.redis import RedisServer
from tests.programs.redisforms import serving_cluster, serving_sentinels

pytestmark = pytest.mark.asyncio

BY_SQL = 1.0  # seconds; the promise while Redis is away
FAILOVER = 10.0  # seconds; the Sentinel of these tests waits half a second before it looks closer


async def both_degraded(client: ClientSession, pair: Pair, *names: str) -> None:
    for service in (pair.one, pair.other):
        await until_degraded(client, service, *names)


async def log_out_at_one(client: ClientSession, pair: Pair) -> str:
    """Have a token refused at one; the other refuses it within the promise."""
    token = await log_in_token(client, pair.one)
    since = await log_out(client, pair.one, token)
    assert await let_in_until(client, pair.other, token, since) <= BY_SQL
    return token


def errors(pair: Pair) -> list[list[str]]:
    """Return what each has said is wrong with Redis."""
    return [
        [
            line["message"]
            for line in service.read_log()
            if line["logger"] == "sidecar.redis" and line["level"] == "ERROR"
        ]
        for service in (pair.one, pair.other)
    ]


async def test_a_failover_by_sentinel_needs_no_hand(tmp_path: Path, client: ClientSession) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    async with (
        serving_sentinels(folder) as sentinels,
        serving_pair(tmp_path, {"redis": {"url": sentinels.url}}) as pair,
    ):
        await both_degraded(client, pair)
        kept = await log_in_token(client, pair.one)
        revoked = [await log_out_at_one(client, pair)]
        await sentinels.primary.kill()
        since = time.monotonic()
        revoked.append(await log_out_at_one(client, pair))
        await both_degraded(client, pair, "redis")
        revoked.append(await log_out_at_one(client, pair))
        await both_degraded(client, pair)
        took = time.monotonic() - since
        note(well_again_s=took)
        assert took < FAILOVER
        revoked.append(await log_out_at_one(client, pair))
        for service in (pair.one, pair.other):
            assert await ask(client, service, kept) == 200
            assert [await ask(client, service, token) for token in revoked] == [401] * 4
        assert all("SQL alone carries revocations" in lines[0] for lines in errors(pair))
        subjects = await read_subjects(pair)
        async with reading(sentinels.url) as newcomer:  # nothing is lost that SQL has
            await newcomer.until_holds(*subjects)


async def read_subjects(pair: Pair) -> list[str]:
    """Return the sessions that were ended, as the log of the service tells them."""
    return [line["subject"] for line in pair.one.read_log() if line["message"] == "revoked"]


async def test_a_cluster_that_loses_our_node_and_gets_it_back_needs_no_hand(
    tmp_path: Path, client: ClientSession
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    async with (
        serving_cluster(folder) as cluster,
        serving_pair(tmp_path, {"redis": {"url": cluster.url}}) as pair,
    ):
        await both_degraded(client, pair)
        kept = await log_in_token(client, pair.one)
        revoked = [await log_out_at_one(client, pair)]
        await cluster.owner.kill()
        await both_degraded(client, pair, "redis")
        revoked.append(await log_out_at_one(client, pair))
        await cluster.owner.start()  # without any key
        await cluster.until_ok()
        await both_degraded(client, pair)
        revoked.append(await log_out_at_one(client, pair))
        for service in (pair.one, pair.other):
            assert await ask(client, service, kept) == 200
            assert [await ask(client, service, token) for token in revoked] == [401] * 3
        async with reading(cluster.url) as newcomer:
            await newcomer.until_holds(*await read_subjects(pair))


async def test_an_emptied_redis_is_filled_once_from_what_sql_holds(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer
) -> None:
    async with serving_pair(tmp_path, {"redis": {"url": redis_server.url}}) as pair:
        await both_degraded(client, pair)
        for _ in range(3):
            await log_out_at_one(client, pair)
        await until_filled(pair, 1)
        async with raw_client(redis_server.url) as raw:
            await raw.flushall()
        await until_filled(pair, 2)
        async with reading(redis_server.url) as newcomer:
            await newcomer.until_holds(*await read_subjects(pair))


async def until_filled(pair: Pair, times: int) -> None:
    async def filled() -> bool:
        logs = pair.one.read_log() + pair.other.read_log()
        count: int = sum(line["message"] == "Redis was filled from SQL" for line in logs)
        assert count <= times
        return count == times

    await until(filled, "filled")


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "maxmemory-policy noeviction"),
        ({"maxmemory": "1"}, "raise its maxmemory"),
        ({"requirepass": "another"}, "refuses the password"),
    ],
    ids=["evicts", "full", "password"],
)
async def test_what_is_wrong_with_redis_is_one_line_and_degrades_until_it_is_right(
    tmp_path: Path,
    client: ClientSession,
    redis_server: RedisServer,
    configuration: dict[str, Any],
    words: str,
) -> None:
    async with raw_client(redis_server.url) as raw:
        for name, value in configuration.items():
            await raw.config_set(name, value)
        async with serving_pair(tmp_path, {"redis": {"url": redis_server.url}}) as pair:
            await both_degraded(client, pair, "redis")
            await log_out_at_one(client, pair)
            assert [[words in line for line in lines] for lines in errors(pair)] == [[True]] * 2
            for name, value in {"maxmemory": "0", "requirepass": ""}.items():
                await raw.config_set(name, value)
            await both_degraded(client, pair)
            assert [lines[1:] for lines in errors(pair)] == [[], []]


async def test_a_frozen_primary_that_wakes_up_takes_nothing_back(
    tmp_path: Path, client: ClientSession
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    async with (
        serving_sentinels(folder) as sentinels,
        serving_pair(tmp_path, {"redis": {"url": sentinels.url}}) as pair,
    ):
        await both_degraded(client, pair)
        primary = sentinels.primary.program
        assert primary is not None
        primary.process.send_signal(signal.SIGSTOP)
        revoked = [await log_out_at_one(client, pair)]
        await sentinels.until_failed_over()
        primary.process.send_signal(signal.SIGCONT)
        revoked.append(await log_out_at_one(client, pair))
        await both_degraded(client, pair)
        revoked.append(await log_out_at_one(client, pair))
        for service in (pair.one, pair.other):
            assert [await ask(client, service, token) for token in revoked] == [401] * 3
