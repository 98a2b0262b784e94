"""Sentinels choose another primary, a cluster moves our slot or loses a node: all goes on."""

import asyncio
import logging
import signal
import time
from pathlib import Path

import pytest

from tests.contracts.redis_readers import Reader, entries, reading, token
from tests.contracts.test_redis_refill import MemoryLog
from tests.programs.redis import RedisServer
from tests.programs.redisforms import Cluster, serving_cluster, serving_sentinels

pytestmark = pytest.mark.asyncio

FAILOVER = 10.0  # seconds; the Sentinel waits 0.5 s, then two more each to be sure and to choose
FOLLOWED = 2.0  # seconds from when the Sentinel names another; a read is tried again each second
RECOVERY = 5.0  # seconds from when the server is there again


async def until_announced(reader: Reader, since: float, bound: float) -> None:
    """Announce as the outbox does, again and again, until Redis takes it."""
    while not await reader.feed.announce(entries(token("after"))):
        assert time.monotonic() - since < bound
        await asyncio.sleep(0.1)


def lines(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_sentinel_chooses_another_primary(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: signal.Signals
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    log = MemoryLog(token("before"))
    async with (
        serving_sentinels(tmp_path) as sentinels,
        reading(sentinels.url, store=log) as here,
        reading(sentinels.url, store=log) as there,
    ):
        assert await here.feed.announce(log.entries)
        await there.until_holds("before")
        await here.until_fresh()
        await there.until_fresh()
        primary = sentinels.primary.program
        assert primary is not None
        primary.process.send_signal(fault)
        since = time.monotonic()
        meanwhile = entries(token("meanwhile"))
        assert not await here.feed.announce(meanwhile)
        log.entries += meanwhile  # it is committed, and waits in the outbox
        await there.until(lambda: not there.feed.healthy)
        await sentinels.until_failed_over()
        assert time.monotonic() - since < FAILOVER
        await until_announced(here, time.monotonic(), FOLLOWED)
        assert await here.feed.announce(meanwhile)
        await there.until_holds("after", "meanwhile")
        for reader in (here, there):
            await reader.until(lambda reader=reader: reader.feed.healthy)  # type: ignore[misc]
            await reader.until_fresh()
        async with reading(sentinels.url) as newcomer:
            await newcomer.until_holds("before", "meanwhile", "after")
    assert lines(caplog, "Redis carries revocations again") == 2  # each of the two once


async def test_the_old_primary_that_comes_back_as_a_replica_is_left(tmp_path: Path) -> None:
    """A frozen one wakes up and believes for a moment that it is the primary still."""
    async with (
        serving_sentinels(tmp_path) as sentinels,
        reading(sentinels.url) as here,
        reading(sentinels.url) as there,
    ):
        await there.until_fresh()
        primary = sentinels.primary.program
        assert primary is not None
        primary.process.send_signal(signal.SIGSTOP)
        await sentinels.until_failed_over()
        primary.process.send_signal(signal.SIGCONT)
        await until_announced(here, time.monotonic(), FAILOVER)
        await there.until_holds("after")
        await there.until(lambda: there.feed.healthy and here.feed.healthy)


async def test_our_slot_moves_to_another_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    async with (
        serving_cluster(tmp_path) as cluster,
        reading(cluster.url) as here,
        reading(cluster.url) as there,
    ):
        assert await here.feed.announce(entries(*(token(f"j-{number}") for number in range(300))))
        await there.until_holds("j-299")
        await cluster.move_our_slot(cluster.nodes[2])
        since = time.monotonic()
        await until_announced(here, since, RECOVERY)
        await there.until_holds("after")
        await there.until(lambda: there.feed.healthy and here.feed.healthy)
        await there.until_fresh()
        async with reading(cluster.url) as newcomer:
            await newcomer.until_holds("j-0", "j-299", "after")
    assert lines(caplog, "was emptied") == 0


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_cluster_loses_the_node_that_has_our_slot_and_gets_it_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: signal.Signals
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    log = MemoryLog(token("before"))
    async with (
        serving_cluster(tmp_path) as cluster,
        reading(cluster.url, store=log) as here,
    ):
        assert await here.feed.announce(log.entries)
        await here.until_fresh()
        await lose(cluster.owner, fault)
        meanwhile = entries(token("meanwhile"))
        assert not await here.feed.announce(meanwhile)
        log.entries += meanwhile
        await here.until(lambda: not here.feed.healthy)
        await cluster.until_down()
        assert not await here.feed.announce(meanwhile)
        since = time.monotonic()
        await get_back(cluster, fault)
        await until_announced(here, since, FAILOVER)
        await here.until_holds("after")
        await here.until(lambda: here.feed.healthy)
        async with reading(cluster.url) as newcomer:
            await newcomer.until_holds("before", "meanwhile", "after")
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) <= len({line.partition(":")[0] for line in told}) + 1, told
    assert lines(caplog, "Redis carries revocations again") >= 1


async def test_a_replica_in_the_cluster_takes_the_place_of_our_node(tmp_path: Path) -> None:
    log = MemoryLog(token("before"))
    async with (
        serving_cluster(tmp_path, replica=True) as cluster,
        reading(cluster.url, store=log) as here,
        reading(cluster.url, store=log) as there,
    ):
        assert await here.feed.announce(log.entries)
        await there.until_holds("before")
        await there.until_fresh()
        since = time.monotonic()
        await cluster.owner.kill()
        await until_announced(here, since, FAILOVER)
        await there.until_holds("after")
        await there.until_fresh()
        async with reading(cluster.url) as newcomer:
            await newcomer.until_holds("before", "after")


async def lose(node: RedisServer, fault: signal.Signals) -> None:
    assert node.program is not None
    if fault is signal.SIGKILL:
        await node.kill()
    else:
        node.program.process.send_signal(fault)


async def get_back(cluster: Cluster, fault: signal.Signals) -> None:
    owner = cluster.owner
    assert owner.program is not None
    if fault is signal.SIGKILL:
        await owner.start()  # it knows its slots, from a file, and none of its keys
    else:
        owner.program.process.send_signal(signal.SIGCONT)
    await cluster.until_ok()
