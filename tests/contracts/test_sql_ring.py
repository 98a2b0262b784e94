"""The port RingStore: replicas and restarts agree about one ring."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.keyring import Purpose
from sidecar.errors import RingMismatch
from sidecar.ports import RingKey
from sidecar.sources.keyring import KeyDirectory, OpenedRing
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import NOW

pytestmark = pytest.mark.asyncio

TOKEN = RingKey("k-1", Purpose.TOKEN, "PEM 1\n", NOW, NOW + 10, NOW + 20)
COOKIE = RingKey("k-2", Purpose.COOKIE, "PEM 2\n", NOW, NOW + 10, NOW + 20)


async def test_a_new_database_knows_no_ring(store: SqlStore) -> None:
    assert await store.ring.read_ring() == ([], None)


async def test_a_ring_is_remembered(store: SqlStore, other: SqlStore) -> None:
    await store.ring.remember_ring([TOKEN, COOKIE], "print")
    keys, fingerprint = await other.ring.read_ring()
    assert (sorted(keys, key=lambda key: key.kid), fingerprint) == ([TOKEN, COOKIE], "print")


async def test_what_is_known_of_a_key_stays_and_a_new_key_is_added(store: SqlStore) -> None:
    await store.ring.remember_ring([TOKEN], "print")
    changed = replace(TOKEN, not_before=0, publish_until=NOW + 99, public_pem="another")
    await store.ring.remember_ring([changed, COOKIE], "print")
    keys, _ = await store.ring.read_ring()
    assert sorted(keys, key=lambda key: key.kid) == [TOKEN, COOKIE]


async def test_a_key_that_is_no_longer_there_is_not_forgotten(store: SqlStore) -> None:
    await store.ring.remember_ring([TOKEN, COOKIE], "print")
    await store.ring.remember_ring([], "print")
    keys, _ = await store.ring.read_ring()
    assert len(keys) == 2


async def test_the_first_fingerprint_stays(store: SqlStore) -> None:
    await store.ring.remember_ring([TOKEN], "first")
    await store.ring.remember_ring([COOKIE], "second")
    assert await store.ring.read_ring() == ([TOKEN], "first")


async def test_replicas_that_start_at_once_agree(store: SqlStore, other: SqlStore) -> None:
    prints = [f"print-{number}" for number in range(10)]
    await asyncio.gather(
        *(
            (store, other)[number % 2].ring.remember_ring([TOKEN, COOKIE], fingerprint)
            for number, fingerprint in enumerate(prints)
        )
    )
    (keys, fingerprint), seen = await store.ring.read_ring(), await other.ring.read_ring()
    assert seen == (keys, fingerprint)
    assert sorted(keys, key=lambda key: key.kid) == [TOKEN, COOKIE]
    assert fingerprint in prints


async def test_of_two_directories_at_the_first_start_one_is_refused_and_the_other_stays_good(
    store: SqlStore, other: SqlStore, tmp_path: Path
) -> None:
    directories = [
        KeyDirectory(tmp_path / name, each.ring, 0)
        for name, each in (("one", store), ("two", other))
    ]
    opened = await asyncio.gather(
        *(directory.open(NOW) for directory in directories), return_exceptions=True
    )
    assert {type(each) for each in opened} == {OpenedRing, RingMismatch}
    for directory, first in zip(directories, opened, strict=True):
        if isinstance(first, OpenedRing):
            again = await directory.open(NOW)
            assert (again.secret, again.ring.keys.keys()) == (first.secret, first.ring.keys.keys())
        else:
            with pytest.raises(RingMismatch):
                await directory.open(NOW)
