"""The port SweepStore, and the end of idle sessions: what every process does once a minute."""

import asyncio

import pytest

from sidecar.core.claims import LATEST_DATE
from sidecar.core.lastuse import Used
from sidecar.core.revocation import Level, Revocation
from sidecar.core.session import SessionKind
from sidecar.ports import Entry
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.revocations import IDLE_BATCH
from sidecar.stores.sql.sweep import BATCH
from sidecar.stores.sql.tables import sessions
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_sessions,
    add_tokens,
    add_user,
    open_session,
    read_tables,
)

pytestmark = pytest.mark.asyncio

LATE = NOW + 3600
IDLE = NOW - 3600  # the moment before which whoever was last used is idle


async def end_idle(store: SqlStore) -> tuple[Entry, ...]:
    return await store.revocations.end_idle_sessions(used_before=IDLE, keep_after=KEEP)


async def used_at(store: SqlStore, sid: str) -> int | None:
    found = await store.sessions.find_session(sid)
    return None if found is None else found[0].used_at


@pytest.mark.parametrize(
    ("noted", "kept"),
    [
        *((0, NOW), (NOW - 1, NOW), (NOW, NOW), (NOW + 1, NOW + 1)),
        *((NOW + 9, NOW + 9), (NOW + 10, NOW + 9), (LATEST_DATE, NOW + 9)),
    ],
)
async def test_a_last_use_never_goes_back_and_is_never_still_to_come(
    store: SqlStore, noted: int, kept: int
) -> None:
    """A clock that was ahead when it was noted would keep the session from ever being idle."""
    await open_session(store, await add_user(store), used_at=NOW)
    await store.sweep.note_uses(Used.SESSION, {"s-1": noted}, NOW + 9)
    assert await used_at(store, "s-1") == kept


async def test_uses_are_noted_of_what_is_there_and_of_nothing_else(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    for sid in ("s-1", "s-2"):
        await open_session(store, user, sid)
    await add_tokens(database_url, user, "p-1", "p-2")
    uses = {"s-1": NOW + 5, "p-1": NOW + 6, "gone": NOW + 7, "": NOW + 8}
    for kind in Used:
        await store.sweep.note_uses(kind, uses, NOW + 9)
    tables = await read_tables(database_url)
    assert [await used_at(store, sid) for sid in ("s-1", "s-2")] == [NOW + 5, NOW]
    assert [row[-1] for row in tables["personal_tokens"]] == [NOW + 6, None]
    assert (len(tables["sessions"]), len(tables["personal_tokens"])) == (2, 2)


@pytest.mark.parametrize("number", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 1])
async def test_any_number_of_uses_is_noted(store: SqlStore, database_url: str, number: int) -> None:
    await add_sessions(database_url, await add_user(store), number)
    await store.sweep.note_uses(Used.SESSION, {f"s-{n}": NOW + n for n in range(number)}, LATE)
    rows = (await read_tables(database_url))["sessions"]
    at = list(sessions.c).index(sessions.c.used_at)
    assert {row[0]: row[at] for row in rows} == {f"s-{n}": NOW + n for n in range(number)}


@pytest.mark.parametrize(
    ("kind", "used", "ends"),
    [
        (SessionKind.COOKIE, IDLE - 1, True),
        (SessionKind.COOKIE, IDLE, False),
        (SessionKind.COOKIE, IDLE + 1, False),
        (SessionKind.BEARER, IDLE - 1, False),
    ],
)
async def test_a_cookie_that_nobody_used_for_long_ends(
    store: SqlStore, kind: SessionKind, used: int, *, ends: bool
) -> None:
    user = await add_user(store)
    await open_session(store, user, kind=kind, used_at=used, tokens_until=NOW + 60)
    entries = await end_idle(store)
    refused = [Revocation(Level.SESSION, "s-1", 0, NOW + 60 + KEEP)] if ends else []
    assert [entry.revocation for entry in entries] == refused
    assert list(await store.revocations.read_outbox()) == list(entries)
    assert (await store.sessions.find_session("s-1") is None) is ends
    assert await end_idle(store) == ()


async def test_idle_sessions_end_in_batches_the_longest_unused_first(
    store: SqlStore, database_url: str
) -> None:
    await add_sessions(database_url, await add_user(store), IDLE_BATCH + 2, used_at=2)
    await store.sweep.note_uses(Used.SESSION, {"s-0": 4, "s-1": 3}, NOW)
    first, second, last = [await end_idle(store) for _ in range(3)]
    assert (len(first), last) == (IDLE_BATCH, ())
    assert sorted(entry.revocation.subject for entry in second) == ["s-0", "s-1"]
    every = [entry.sequence for entry in (*first, *second)]
    assert every == sorted(set(every))


async def test_who_comes_back_as_the_sweep_ends_them_stays_or_is_ended_whole(
    store: SqlStore, other: SqlStore
) -> None:
    user = await add_user(store)
    sids = [f"s-{number}" for number in range(40)]
    for sid in sids:
        await open_session(store, user, sid, kind=SessionKind.COOKIE, used_at=1)
    async with asyncio.TaskGroup() as tasks:
        end = tasks.create_task(end_idle(store))
        for sid in sids:
            tasks.create_task(other.sweep.note_uses(Used.SESSION, {sid: NOW}, NOW))
    ended = {entry.revocation.subject for entry in end.result()}
    left = {sid for sid in sids if await used_at(store, sid) is not None}
    assert (ended | left, ended & left) == (set(sids), set())
    assert {await used_at(store, sid) for sid in left} <= {NOW}


async def test_two_processes_that_sweep_at_once_end_each_session_once(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    await add_sessions(database_url, await add_user(store), 50)
    await asyncio.gather(*(end_idle(each) for each in (store, other, store, other)))
    entries = await store.revocations.read_entries(0)
    assert sorted(entry.revocation.subject for entry in entries) == sorted(
        f"s-{number}" for number in range(50)
    )


@pytest.mark.parametrize(
    ("kind", "used", "tokens_until", "goes"),
    [
        (SessionKind.BEARER, NOW - REFRESH_TTL, NOW, True),
        (SessionKind.BEARER, NOW - REFRESH_TTL - 1, NOW - 1, True),
        (SessionKind.BEARER, NOW - REFRESH_TTL + 1, NOW, False),
        (SessionKind.BEARER, NOW - REFRESH_TTL, NOW + 1, False),
        (SessionKind.COOKIE, NOW - REFRESH_TTL, NOW, False),
    ],
)
async def test_a_session_that_nobody_refreshes_is_purged_with_its_last_token(
    store: SqlStore, kind: SessionKind, used: int, tokens_until: int, *, goes: bool
) -> None:
    user = await add_user(store)
    await open_session(
        store, user, kind=kind, rotated_at=used, used_at=used, tokens_until=tokens_until
    )
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    assert (await store.sessions.find_session("s-1") is None) is goes
    assert await store.revocations.read_entries(0) == []


async def test_a_personal_token_that_has_expired_is_purged(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    for number, expires_at in enumerate((NOW - 1, NOW, NOW + 1)):
        await add_tokens(database_url, user, f"p-{number}", expires_at=expires_at)
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    tables = await read_tables(database_url)
    assert [row[0] for row in tables["personal_tokens"]] == ["p-2"]
