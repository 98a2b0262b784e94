"""The hash slot that has our keys is on its way to another node: for once they are in two places.

The node that is left answers ASK for what has gone, and TRYAGAIN to a script whose keys are in
both: SQL carries until the slot is there.
"""

import logging
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from sidecar.errors import StoreUnavailable
from sidecar.ports.throttle import Counted
from sidecar.stores.redis.health import MOVING
from sidecar.stores.redis.log import META, SNAPSHOT, STREAM
from sidecar.stores.redis.throttle import RedisThrottle
from tests.contracts.redis_readers import entries, reading, token
from tests.contracts.test_redis_failover import RECOVERY, lines, until_announced
from tests.contracts.test_redis_refill import MemoryLog
from tests.contracts.throttles import ALICE, EVE, knock
from tests.programs.redisforms import serving_cluster

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "moved",
    [(SNAPSHOT,), (STREAM,), (META,), (SNAPSHOT, META), ()],
    ids=["snapshot", "stream", "meta", "snapshot and meta", "all keys"],
)
async def test_while_keys_are_on_their_way_nothing_is_lost_and_one_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, moved: tuple[str, ...]
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    log = MemoryLog(*(token(f"j-{number}") for number in range(300)))
    async with (
        serving_cluster(tmp_path) as cluster,
        reading(cluster.url, store=log) as here,
        reading(cluster.url, store=log) as there,
        aclosing(RedisThrottle(cluster.url)) as throttle,
    ):
        assert await here.feed.announce(log.entries)
        await there.until_holds("j-299")
        await here.until_fresh()
        assert isinstance(await knock(throttle, ALICE, times=2), Counted)
        async with cluster.moving_our_slot(cluster.nodes[2]) as move_keys:
            await move_keys(*moved)
            meanwhile = entries(token("meanwhile"))
            log.entries += meanwhile  # it is committed, and waits in the outbox
            assert not await here.feed.announce(meanwhile)
            await there.until(lambda: not there.feed.healthy)
            with pytest.raises(StoreUnavailable, match="is moving our keys"):
                await knock(throttle, EVE)
            assert "meanwhile" not in there.arrived
            await move_keys()
        since = time.monotonic()
        await until_announced(here, since, RECOVERY)
        assert await here.feed.announce(meanwhile)
        await there.until_holds("meanwhile", "after")
        await there.until(lambda: there.feed.healthy and here.feed.healthy)
        await there.until_fresh()
        # What was counted before went along.
        assert isinstance(await knock(throttle, ALICE), Counted)
        assert {key: tally.count for key, tally in await throttle.list_tallies()} == {ALICE.key: 3}
        async with reading(cluster.url) as newcomer:
            await newcomer.until_holds("j-0", "j-299", "meanwhile", "after")
    assert lines(caplog, MOVING) == 2  # each of the two once
    assert lines(caplog, "was emptied") == 0


async def test_until_a_key_has_gone_revocations_go_on(tmp_path: Path) -> None:
    async with (
        serving_cluster(tmp_path) as cluster,
        reading(cluster.url) as here,
        reading(cluster.url) as there,
    ):
        assert await here.feed.announce(entries(token("before")))
        await there.until_holds("before")
        async with cluster.moving_our_slot(cluster.nodes[2]) as move_keys:
            assert await here.feed.announce(entries(token("meanwhile")))
            await there.until_holds("meanwhile")
            await there.until_fresh()
            await move_keys()
        await until_announced(here, time.monotonic(), RECOVERY)
        await there.until_holds("after")
