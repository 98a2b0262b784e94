"""The port Outbox: what is announced waits there, and nothing does where nobody announces."""

import pytest
import sqlalchemy as sa

from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.revocations import OUTBOX_BATCH
from sidecar.stores.sql.tables import outbox, revocations
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    end_everyone,
    open_session,
    outside,
    read_tables,
    remove_user,
)

pytestmark = pytest.mark.asyncio


async def test_every_revocation_waits_oldest_first(store: SqlStore) -> None:
    user = await add_user(store)
    await open_session(store, user)
    assert list(await store.revocations.read_outbox()) == []
    written = [
        *await store.revocations.revoke_token("j-1", forget_at=NOW),
        *await store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
        *await remove_user(store),
        *await end_everyone(store),
    ]
    assert len(written) == 4
    assert list(await store.revocations.read_outbox()) == written


async def test_where_nobody_announces_nothing_waits(store: SqlStore, database_url: str) -> None:
    async with open_store(database_url, outbox=False) as silent:
        entries = await silent.revocations.revoke_token("j-1", forget_at=NOW)
        await end_everyone(silent)
    assert list(await store.revocations.read_outbox()) == []
    assert (await store.revocations.read_entries(0))[0] == entries[0]


async def test_what_was_announced_waits_no_longer_and_stays_in_the_log(store: SqlStore) -> None:
    written = [
        entry
        for number in range(4)
        for entry in await store.revocations.revoke_token(f"j-{number}", forget_at=NOW)
    ]
    await store.revocations.clear_outbox(written[1:3])
    await store.revocations.clear_outbox(written[1:3])
    await store.revocations.clear_outbox([])
    assert list(await store.revocations.read_outbox()) == [written[0], written[3]]
    assert list(await store.revocations.read_entries(0)) == written


async def test_what_is_purged_waits_no_longer(store: SqlStore, database_url: str) -> None:
    await store.revocations.revoke_token("over", forget_at=NOW)
    (kept,) = await store.revocations.revoke_token("kept", forget_at=NOW + 1)
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    assert (await read_tables(database_url))["outbox"] == [(kept.sequence,)]
    assert list(await store.revocations.read_outbox()) == [kept]


async def test_a_long_outbox_is_read_and_cleared_in_parts(
    store: SqlStore, database_url: str
) -> None:
    rows = [
        {"level": "token", "subject": f"j-{number}", "epoch": 0, "forget_at": NOW}
        for number in range(OUTBOX_BATCH + 1)
    ]
    async with outside(database_url) as connection:
        await connection.execute(sa.insert(revocations), rows)
        everything = sa.select(revocations.c.sequence)
        await connection.execute(sa.insert(outbox).from_select(["sequence"], everything))
        await connection.commit()
    first = await store.revocations.read_outbox()
    assert [entry.revocation.subject for entry in first] == [
        f"j-{number}" for number in range(OUTBOX_BATCH)
    ]
    await store.revocations.clear_outbox(first)
    (last,) = await store.revocations.read_outbox()
    assert last.revocation.subject == f"j-{OUTBOX_BATCH}"
