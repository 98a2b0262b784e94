"""What is wrong with a Redis, its user, its certificate or URL is one line that says what to do."""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import PLAIN
from sidecar.stores.redis.health import RIGHTS
from tests.contracts.redis_readers import Reader, entries, reading, token
from tests.programs.certificates import make_certificates
from tests.programs.process import free_port
from tests.programs.redis import RedisServer, serving_redis
from tests.programs.redisforms import OUR_SLOT, serving_cluster, serving_sentinels

pytestmark = pytest.mark.asyncio


async def test_one_line_says_what_is_wrong_with_tls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_certificates(tmp_path)
    known = RedisAccess(ca_file=made.ca, cert_file=made.client[0], key_file=made.client[1])
    async with serving_redis(tmp_path, tls=made) as server:
        url = server.url
        wrong = {
            "is not trusted: correct redis.ca_file": replace(known, ca_file=made.other_ca),
            "it wants redis.cert_file": replace(known, cert_file=None, key_file=None),
        }
        for words, access in wrong.items():
            caplog.clear()
            async with reading(url, access) as there:
                await there.until(partial(is_ill, there))
                await asyncio.sleep(0.5)  # several tries
            assert [words in line for line in error_lines(caplog)] == [True]
        async with reading(url, known) as there:
            await there.until_fresh()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+sentinel://127.0.0.1:{free}/main", "no Sentinel answers"),
        ("redis+cluster://127.0.0.1:{free}", "no node of the Redis cluster answers"),
        ("redis+cluster://127.0.0.1:{port}", "names is no Redis cluster: write redis://"),
        ("redis+sentinel://127.0.0.1:{port}/main", "names is no Sentinel"),
        ("redis://:wrong@127.0.0.1:{port}", "Redis refuses the password"),
        ("redis://nobody:wrong@127.0.0.1:{port}", "Redis refuses the password"),
    ],
)
async def test_one_line_says_what_the_url_should_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str, words: str
) -> None:
    async with serving_redis(tmp_path) as server:
        place = url.format(port=server.port, free=free_port())
        async with reading(place) as there:
            await there.until(lambda: not there.feed.healthy)
            assert not await there.feed.announce(entries(token("j")))
            await asyncio.sleep(0.5)  # several tries
        assert there.heard == []
    assert [words in line for line in error_lines(caplog)] == [True]


async def test_where_no_password_is_shown_longer_commands_are_told_of_as_shorter_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serving_redis(tmp_path, "s3cret") as server,
        reading(f"redis://127.0.0.1:{server.port}") as there,
    ):
        await there.until(lambda: not there.feed.healthy)
        assert not await there.feed.announce(entries(*(token(f"j-{n}") for n in range(20))))
        await asyncio.sleep(0.5)  # several tries
    assert ["refuses the password" in line for line in error_lines(caplog)] == [True]


async def test_a_service_that_sentinels_do_not_know_and_their_password_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_sentinels(tmp_path, None, "0ther") as sentinels:
        known = RedisAccess(sentinel_password="0ther")
        for place, words in (
            ((sentinels.url, PLAIN), "Sentinels refuse the password"),
            (
                (sentinels.url, RedisAccess(sentinel_password="wr0ng")),
                "Sentinels refuse the password",
            ),
            ((sentinels.url.replace("/main/", "/other/"), known), "no primary of that name"),
        ):
            caplog.clear()
            async with reading(*place) as there:
                await there.until(partial(is_ill, there))
                assert not await there.feed.announce(entries(token("j")))
            assert [words in line for line in error_lines(caplog)] == [True]


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("~{sidecar}:* +@read +@connection", "lacks rights: allow it ~{sidecar}:*"),
        ("~other:* +@all", "lacks rights: allow it ~{sidecar}:*"),
    ],
)
async def test_a_user_without_the_rights_is_told_which(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rights: str, words: str
) -> None:
    user = ("--user", "sidecar", "on", ">s3cret", *rights.split())
    async with serving_redis(tmp_path, None, user) as server:
        url = f"redis://sidecar:s3cret@127.0.0.1:{server.port}"
        async with reading(url) as there:
            await there.until(lambda: not there.feed.healthy)
            assert not await there.feed.announce(entries(token("j")))
    assert [words in line for line in error_lines(caplog)] == [True]


async def test_a_user_who_may_not_ask_a_cluster_is_told_which_right_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = ("--user", "sidecar", "on", ">s3cret", *RIGHTS.split())
    async with serving_cluster(tmp_path, arguments=user) as cluster:
        url = cluster.url.replace("://", "://sidecar:s3cret@")
        async with reading(url) as there:
            await there.until(partial(is_ill, there))
            assert not await there.feed.announce(entries(token("j")))
    assert ["allow it +cluster|slots" in line for line in error_lines(caplog)] == [True]


def error_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "sidecar.redis" and record.levelno >= logging.ERROR
    ]


def is_ill(reader: Reader) -> bool:
    return not reader.feed.healthy


async def test_nodes_that_do_not_agree_and_a_slot_that_nobody_has_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.redis")
    async with serving_cluster(tmp_path) as cluster:
        other = cluster.nodes[2]
        async with other.open() as client:
            other_id = await client.execute_command("CLUSTER", "MYID")
        await tell(cluster.owner, "SETSLOT", OUR_SLOT, "NODE", other_id)
        async with reading(cluster.url) as there:
            await there.until(lambda: is_ill(there))
            await asyncio.sleep(0.5)  # several tries
            assert ["do not agree on which" in line for line in error_lines(caplog)] == [True]
            await tell(other, "SETSLOT", OUR_SLOT, "NODE", other_id)
            await there.until_fresh()
            await there.until(lambda: there.feed.healthy)


async def test_a_slot_that_no_node_has_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_cluster(tmp_path) as cluster:
        for node in cluster.nodes:
            await tell(node, "DELSLOTS", OUR_SLOT)
        async with reading(cluster.url) as there:
            await there.until(lambda: is_ill(there))
            await asyncio.sleep(0.5)  # several tries
            told = error_lines(caplog)
            await tell(cluster.owner, "ADDSLOTS", OUR_SLOT)
            await there.until_fresh()
    assert [f"serves hash slot {OUR_SLOT}" in line for line in told] == [True]


async def tell(node: RedisServer, *words: Any) -> None:
    async with node.open() as client:
        await client.execute_command("CLUSTER", *words)
