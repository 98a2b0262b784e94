"""The port RingStore: replicas and restarts agree about one ring."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.audit import EVERYONE, OPERATOR, SERVICE, Action, AuditEvent, AuditQuery
from sidecar.core.claims import LATEST_DATE
from sidecar.core.keyring import Purpose
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.errors import NotFound, RingMismatch
from sidecar.ports import RingKey
from sidecar.sources.keyring import FIRST_START, KeyDirectory, OpenedRing
from sidecar.sources.keywriter import make_missing
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import KEEP, NOW
from tests.sources.keydirs import SCHEDULES

pytestmark = pytest.mark.asyncio

TOKEN = RingKey("k-1", Purpose.TOKEN, "PEM 1\n", NOW, NOW + 10, NOW + 20)
COOKIE = RingKey("k-2", Purpose.COOKIE, "PEM 2\n", NOW, NOW + 10, NOW + 20)
REVOKED = AuditEvent(NOW + 5, Action.KEY_REVOKED, OPERATOR, "k-1")


async def remember(store: SqlStore, *keys: RingKey, dated: Sequence[str] = ()) -> None:
    await store.ring.remember_ring(keys, "print", dated=frozenset(dated))


async def known(store: SqlStore) -> list[RingKey]:
    keys, _ = await store.ring.read_ring()
    return sorted(keys, key=lambda key: key.kid)


async def trail(store: SqlStore) -> list[tuple[int, str, str, str]]:
    rows = await store.audit.read_events(AuditQuery(limit=10))
    return [(row.at, row.action, row.actor, row.subject) for row in rows]


async def test_a_new_database_knows_no_ring(store: SqlStore) -> None:
    assert await store.ring.read_ring() == ([], None)


async def test_a_ring_is_remembered(store: SqlStore, other: SqlStore) -> None:
    await remember(store, TOKEN, COOKIE)
    assert await known(other) == [TOKEN, COOKIE]
    assert (await other.ring.read_ring())[1] == "print"


async def test_what_is_known_of_a_key_stays_and_a_new_key_is_added(store: SqlStore) -> None:
    """Of a key without dates of its own those count that it was given first."""
    await remember(store, TOKEN)
    await remember(store, replace(TOKEN, not_before=0, publish_until=NOW + 99), COOKIE)
    assert await known(store) == [TOKEN, COOKIE]


async def test_the_dates_beside_a_key_are_kept_and_nothing_else_of_it_changes(
    store: SqlStore,
) -> None:
    await remember(store, TOKEN, COOKIE)
    moved = replace(TOKEN, not_before=NOW + 1, sign_until=NOW + 2, publish_until=NOW + 3)
    changed = replace(moved, public_pem="another", purpose=Purpose.COOKIE)
    await remember(store, changed, replace(COOKIE, not_before=1), dated=["k-1"])
    assert await known(store) == [moved, COOKIE]


async def test_a_key_that_is_no_longer_there_is_not_forgotten(store: SqlStore) -> None:
    await remember(store, TOKEN, COOKIE)
    await remember(store)
    assert await known(store) == [TOKEN, COOKIE]


async def test_the_first_fingerprint_stays_and_beside_another_nothing_is_done(
    store: SqlStore,
) -> None:
    await remember(store, TOKEN)
    moved = replace(TOKEN, publish_until=NOW + 99)
    await store.ring.remember_ring([moved, COOKIE], "second", dated=frozenset({"k-1", "k-2"}))
    assert await store.ring.read_ring() == ([TOKEN], "print")


async def test_where_the_keys_are_older_than_the_first_ring_everyone_is_ended_once(
    store: SqlStore, other: SqlStore
) -> None:
    older = AuditEvent(NOW, Action.EVERYONE_ENDED, SERVICE, EVERYONE)
    for each in (store, other):
        await each.ring.remember_ring([TOKEN], "print", dated=frozenset(), older=older)
    (entry,) = await other.revocations.read_entries(0)
    assert entry.revocation == Revocation(Level.EVERYONE, "", NOW, LATEST_DATE)
    assert await trail(other) == [(NOW, "everyone.ended", SERVICE, EVERYONE)]


@pytest.mark.parametrize("passed", [FIRST_START, FIRST_START + 1])
async def test_keys_that_signed_for_another_database_seal_nothing_that_is_good_in_a_new_one(
    store: SqlStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, passed: int
) -> None:
    """Nobody knows what of it had been revoked."""
    make_missing(tmp_path / "keys", NOW - passed, SCHEDULES)
    for _ in range(2):
        await KeyDirectory(tmp_path / "keys", store.ring, SCHEDULES).open(NOW)
    ended = [entry.revocation.level for entry in await store.revocations.read_entries(0)]
    assert ended == [Level.EVERYONE] * (passed > FIRST_START)
    assert len(caplog.messages) == len(ended)


async def test_replicas_that_start_at_once_agree(store: SqlStore, other: SqlStore) -> None:
    prints = [f"print-{number}" for number in range(10)]
    await asyncio.gather(
        *(
            (store, other)[number % 2].ring.remember_ring(
                [TOKEN, COOKIE], fingerprint, dated=frozenset()
            )
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
        KeyDirectory(tmp_path / name, each.ring, SCHEDULES)
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


async def test_a_revoked_key_is_one_for_everybody_and_stands_in_log_outbox_and_trail(
    store: SqlStore, other: SqlStore
) -> None:
    await remember(store, TOKEN, COOKIE)
    entries = await store.ring.revoke_key("k-1", keep_after=KEEP, event=REVOKED)
    assert [entry.revocation for entry in entries] == [
        Revocation(Level.KEY, "k-1", 0, TOKEN.publish_until + KEEP)
    ]
    assert await known(other) == [replace(TOKEN, revoked_at=NOW + 5), COOKIE]
    assert tuple(await other.revocations.read_entries(0)) == entries
    assert tuple(await other.revocations.read_outbox()) == entries
    assert await trail(other) == [(NOW + 5, "key.revoked", "operator", "k-1")]


@pytest.mark.parametrize(
    ("at", "forget_at"),
    [
        (NOW + 19, NOW + 20 + KEEP),
        (NOW + 20, NOW + 20 + KEEP),
        (NOW + 90, NOW + 90 + KEEP),
    ],
)
async def test_a_revocation_is_kept_while_anything_that_the_key_sealed_may_live(
    store: SqlStore, at: int, forget_at: int
) -> None:
    await remember(store, TOKEN)
    event = replace(REVOKED, at=at)
    (entry,) = await store.ring.revoke_key("k-1", keep_after=KEEP, event=event)
    assert entry.revocation.forget_at == forget_at


async def test_a_key_is_revoked_once(store: SqlStore, other: SqlStore) -> None:
    await remember(store, TOKEN)
    calls = (
        (store, other)[number % 2].ring.revoke_key("k-1", keep_after=KEEP, event=REVOKED)
        for number in range(6)
    )
    entries = await asyncio.gather(*calls)
    assert sorted(map(len, entries)) == [0, 0, 0, 0, 0, 1]
    assert len(await store.revocations.read_entries(0)) == 1
    assert len(await trail(store)) == 1


async def test_a_revoked_key_stays_revoked_whatever_is_remembered_of_it(store: SqlStore) -> None:
    await remember(store, TOKEN)
    await store.ring.revoke_key("k-1", keep_after=KEEP, event=REVOKED)
    await remember(store, replace(TOKEN, publish_until=NOW + 99), dated=["k-1"])
    assert await known(store) == [replace(TOKEN, publish_until=NOW + 99, revoked_at=NOW + 5)]


@pytest.mark.parametrize("kid", ["k-2", "K-1", "k-1 ", "", "k_1", "%"])
async def test_a_key_that_nobody_knows_is_not_found_and_nothing_is_written(
    store: SqlStore, kid: str
) -> None:
    await remember(store, TOKEN)
    event = replace(REVOKED, subject=kid)
    with pytest.raises(NotFound, match="there is no such key"):
        await store.ring.revoke_key(kid, keep_after=KEEP, event=event)
    assert await known(store) == [TOKEN]
    assert await store.revocations.read_entries(0) == []
    assert await trail(store) == []


async def test_the_feed_of_another_process_carries_it(store: SqlStore, other: SqlStore) -> None:
    await remember(store, TOKEN)
    view = RevocationView()
    feed = other.make_feed(view.apply, view.heard)
    await store.ring.revoke_key("k-1", keep_after=KEEP, event=REVOKED)
    await feed.start()
    assert view.revokes_key("k-1")


async def test_a_key_that_was_made_stands_in_the_trail(store: SqlStore) -> None:
    await store.ring.note_rotation(AuditEvent(NOW, Action.KEY_ROTATED, OPERATOR, "k-1"))
    assert await trail(store) == [(NOW, "key.rotated", "operator", "k-1")]
