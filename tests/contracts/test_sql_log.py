"""The port FeedStore: a reader misses nothing, and the log stays short."""

import asyncio

import pytest
import sqlalchemy as sa

from sidecar.core.audit import OPERATOR, Action, AuditEvent
from sidecar.core.claims import LATEST_DATE
from sidecar.core.keyring import Purpose
from sidecar.core.revocation import Level, Revocation
from sidecar.ports import RingKey
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.sweep import BATCH
from sidecar.stores.sql.tables import revocations, sessions
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    end_everyone,
    end_user,
    open_session,
    outside,
    read_tables,
)

pytestmark = pytest.mark.asyncio


async def test_only_what_is_behind_a_sequence_is_read_in_order(store: SqlStore) -> None:
    assert list(await store.revocations.read_entries(0)) == []
    written = [
        entry
        for number in range(5)
        for entry in await store.revocations.revoke_token(f"j-{number}", forget_at=NOW - number)
    ]
    assert list(await store.revocations.read_entries(0)) == written
    assert list(await store.revocations.read_entries(written[2].sequence)) == written[3:]
    assert list(await store.revocations.read_entries(written[4].sequence)) == []
    assert list(await store.revocations.read_entries(written[4].sequence + 9)) == []


async def test_every_level_is_read_as_it_was_written(store: SqlStore) -> None:
    user = await add_user(store)
    await open_session(store, user)
    key = RingKey("k-1", Purpose.TOKEN, "pem", 1, 2, 3)
    await store.ring.remember_ring([key], "print", dated=frozenset())
    event = AuditEvent(NOW, Action.KEY_REVOKED, OPERATOR, "k-1")
    written = [
        *await store.revocations.revoke_token("j-1", forget_at=LATEST_DATE),
        *await store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
        *await end_user(store, user.id),
        *await store.ring.revoke_key("k-1", keep_after=KEEP, event=event),
        *await end_everyone(store),
    ]
    assert [entry.revocation.level for entry in written] == list(Level)
    assert list(await store.revocations.read_entries(0)) == written


async def test_a_second_writer_waits_so_that_sequences_come_in_the_order_of_commits(
    store: SqlStore, database_url: str
) -> None:
    """Else who had read the second would never read the first."""
    database = Database(database_url)
    log = SqlRevocations(database, announced=False)
    try:
        async with database.write(log=True) as connection:
            first = await log.record(connection, Revocation(Level.TOKEN, "first", 0, NOW))
            second = asyncio.create_task(store.revocations.revoke_token("second", forget_at=NOW))
            done, _ = await asyncio.wait({second}, timeout=0.3)
            assert not done
            assert list(await store.revocations.read_entries(0)) == []
        written = [*first, *await second]
    finally:
        await database.close()
    assert list(await store.revocations.read_entries(0)) == written


async def test_a_reader_beside_many_writers_reads_every_entry_once(
    store: SqlStore, other: SqlStore
) -> None:
    users = [await add_user(store, f"user-{number}") for number in range(10)]
    read: list[str] = []

    async def read_on(until: int) -> None:
        last = 0
        async with asyncio.timeout(20):
            while len(read) < until:
                for entry in await store.revocations.read_entries(last):
                    assert entry.sequence > last
                    last = entry.sequence
                    read.append(entry.revocation.subject)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_on(60))
        for number in range(60):
            each = (store, other)[number % 2]
            tasks.create_task(
                each.revocations.revoke_token(f"j-{number}", forget_at=NOW)
                if number < 50
                else end_user(each, users[number - 50].id)
            )
    subjects = {f"j-{number}" for number in range(50)} | {user.id for user in users}
    assert set(read) == subjects
    assert len(read) == 60


async def test_only_what_is_over_is_purged(store: SqlStore) -> None:
    for jti, forget_at in (("over", NOW - 1), ("just over", NOW), ("not over", NOW + 1)):
        await store.revocations.revoke_token(jti, forget_at=forget_at)
    await end_everyone(store)
    user = await add_user(store)
    dates = {
        "over": (NOW, NOW),
        "its tokens live": (NOW, NOW + 1),
        "lives": (NOW + 1, NOW),
        "lives with its tokens": (NOW + 1, NOW + 1),
    }
    for sid, (expires_at, tokens_until) in dates.items():
        await open_session(store, user, sid, expires_at=expires_at, tokens_until=tokens_until)
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    left = [entry.revocation.subject for entry in await store.revocations.read_entries(0)]
    assert left == ["not over", ""]
    found = [sid for sid in dates if await store.sessions.find_session(sid) is not None]
    assert found == ["its tokens live", "lives", "lives with its tokens"]


@pytest.mark.parametrize("number", [0, 1, BATCH, 2 * BATCH + 1])
async def test_any_number_is_purged(store: SqlStore, database_url: str, number: int) -> None:
    user = await add_user(store)
    over = [
        {"level": "token", "subject": f"j-{n}", "epoch": 0, "forget_at": 1} for n in range(number)
    ]
    session = {
        "user_id": user.id,
        "kind": "bearer",
        "generation": 0,
        "created_at": 1,
        "rotated_at": 1,
        "tokens_until": 1,
        "expires_at": 1,
        "amr": "[]",
    }
    ended = [{**session, "sid": f"s-{n}"} for n in range(number)]
    async with outside(database_url) as connection:
        if number:
            await connection.execute(sa.insert(revocations), over)
            await connection.execute(sa.insert(sessions), ended)
        await connection.commit()
    await store.revocations.revoke_token("kept", forget_at=NOW + 1)
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    tables = await read_tables(database_url)
    assert (len(tables["revocations"]), len(tables["sessions"])) == (1, 0)


async def test_a_sequence_that_was_purged_is_never_used_again(store: SqlStore) -> None:
    """Else a reader that is further on would pass over what bears it."""
    (last,) = await store.revocations.revoke_token("over", forget_at=NOW)
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    assert list(await store.revocations.read_entries(0)) == []
    (entry,) = await store.revocations.revoke_token("new", forget_at=NOW + 1)
    assert list(await store.revocations.read_entries(last.sequence)) == [entry]
