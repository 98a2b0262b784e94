"""Whose sessions were ended, and by whom: the end and its row of the trail are one transaction."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.audit import (
    OPERATOR,
    SERVICE,
    Action,
    AuditEvent,
    Author,
    Device,
)
from sidecar.core.revocation import RevocationView
from sidecar.errors import NotFound, StoreUnavailable
from sidecar.revocations import Revocations
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    add_tokens,
    add_user,
    end_everyone,
    end_user,
    open_session,
    read_tables,
    run_sql,
)
from tests.contracts.trail import read_told

pytestmark = pytest.mark.asyncio

ROOT = Author("id-of-root", Device("192.0.2.7", "desk/1"))

REUSED = AuditEvent(
    NOW, Action.SESSION_REUSED, SERVICE, "s-1", Device("192.0.2.1", "thief/1"), {"sub": "alice"}
)


async def test_a_session_that_is_ended_with_an_event_is_a_row_of_the_trail_once(
    store: SqlStore, other: SqlStore
) -> None:
    await open_session(store, await add_user(store))
    ends = [
        each.revocations.end_session("s-1", forget_at=0, keep_after=KEEP, event=REUSED)
        for each in (store, other) * 5
    ]
    ended = [entries for entries in await asyncio.gather(*ends) if entries]
    assert len(ended) == 1
    (record,) = await read_told(store)
    assert (record.at, record.action, record.actor) == (NOW, "session.reused", SERVICE)
    assert (record.subject, record.device) == ("s-1", REUSED.device)


async def test_the_end_of_all_sessions_is_a_row_of_the_trail_each_time(store: SqlStore) -> None:
    alice = await add_user(store)
    for _ in range(2):
        await end_user(store, alice.id)
        await end_everyone(store)
    with pytest.raises(NotFound):
        await end_user(store, "nobody")
    told = [(each.at, each.action, each.actor, each.subject) for each in await read_told(store)]
    everyone = (NOW, "everyone.ended", OPERATOR, "everyone")
    assert told == [everyone, (NOW, "user.ended", OPERATOR, alice.id)] * 2


TOLD: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "session": lambda store: store.revocations.end_session(
        "s-1", forget_at=0, keep_after=KEEP, event=REUSED
    ),
    "user": lambda store: end_user(store, personal_tokens=True),
    "everyone": end_everyone,
}


@pytest.mark.parametrize("end", TOLD.values(), ids=TOLD)
async def test_where_the_trail_cannot_be_written_nothing_is_ended(
    store: SqlStore, database_url: str, end: Callable[[SqlStore], Awaitable[object]]
) -> None:
    user = await add_user(store)
    await open_session(store, user)
    await add_tokens(database_url, user, "p-1")
    before = await read_tables(database_url)
    await run_sql(database_url, "ALTER TABLE audit RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await end(store)
    await run_sql(database_url, "ALTER TABLE away RENAME TO audit")
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("personal_tokens", [False, True])
async def test_who_ended_all_sessions_is_told_by_the_trail(
    store: SqlStore, *, personal_tokens: bool
) -> None:
    log = store.revocations
    revocations = Revocations(log, log, RevocationView(), None, KEEP)
    user = await add_user(store)
    await revocations.end_user_sessions(user.id, ROOT, NOW, personal_tokens=personal_tokens)
    await revocations.end_all_sessions(ROOT, NOW + 1)
    rows = await read_told(store)
    assert [(each.at, each.action, each.subject, each.details) for each in rows] == [
        (NOW + 1, "everyone.ended", "everyone", {}),
        (NOW, "user.ended", user.id, {"personal_tokens": personal_tokens}),
    ]
    assert {(each.actor, each.device) for each in rows} == {(ROOT.actor, ROOT.device)}


async def test_nobody_has_no_sessions_to_end(store: SqlStore) -> None:
    log, view = store.revocations, RevocationView()
    revocations = Revocations(log, log, view, None, KEEP)
    with pytest.raises(NotFound):
        await revocations.end_user_sessions("id-of-alice", ROOT, NOW, personal_tokens=True)
    assert len(view) == 0
    assert list(await read_told(store)) == []
