"""The port SessionStore: sessions, and the turn of their refresh tokens."""

import asyncio
from dataclasses import replace

import pytest

from sidecar.core.audit import SERVICE, UNKNOWN_DEVICE, Action, AuditEvent, Device
from sidecar.core.claims import LATEST_DATE
from sidecar.core.session import SessionKind
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    change_user,
    open_session,
    read_tables,
)
from tests.contracts.trail import read_told

pytestmark = pytest.mark.asyncio

DESK = Device("192.0.2.1", "desk/1")
PHONE = Device("2001:db8::1", "phone/2")


async def turn(
    store: SqlStore, sid: str = "s-1", generation: int = 0, *, at: int = NOW, device: Device = PHONE
) -> bool:
    """Turn a session; its tokens live for ten minutes from then on."""
    return await store.sessions.rotate_session(
        sid, generation, rotated_at=at, tokens_until=at + 600, device=device
    )


@pytest.mark.parametrize("sid", ["s-2", "S-1", "", "s-1 ", "s" * 1000])
async def test_another_sid_is_no_session(store: SqlStore, sid: str) -> None:
    await open_session(store, await add_user(store))
    assert await store.sessions.find_session(sid) is None


@pytest.mark.parametrize("kind", SessionKind)
async def test_a_session_is_found_with_the_account_of_its_user(
    store: SqlStore, kind: SessionKind
) -> None:
    await add_user(store, "bob", "admin")
    user = await add_user(store, "alice", "staff")
    session = await open_session(store, user, kind=kind, amr=("pwd", "otp"))
    found = await store.sessions.find_session("s-1")
    assert found == (session, await store.sessions.find_account("alice"))


async def test_a_session_that_lives_on_has_the_rights_of_today(store: SqlStore) -> None:
    user = await add_user(store, "alice", "staff")
    session = await open_session(store, user)
    change = UserChange(username="alicia", roles=("admin",))
    changed, _ = await change_user(store, change, at=NOW + 1)
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert (found[0], found[1].user, found[1].epoch) == (session, changed, (0, NOW + 1))


async def test_a_turn_moves_generation_dates_and_device_and_nothing_else(store: SqlStore) -> None:
    user = await add_user(store)
    first = await open_session(store, user, "s-1", device=DESK)
    second = await open_session(store, user, "s-2")
    assert await turn(store, at=NOW + 60)
    found = [await store.sessions.find_session(sid) for sid in ("s-1", "s-2")]
    assert [session for session, _ in filter(None, found)] == [
        replace(
            first,
            generation=1,
            rotated_at=NOW + 60,
            tokens_until=NOW + 660,
            used_at=NOW + 60,
            device=PHONE,
        ),
        second,
    ]


@pytest.mark.parametrize("used_at", [NOW - 1, NOW, NOW + 1, LATEST_DATE])
async def test_a_turn_is_the_last_use_also_where_one_was_noted_that_is_still_to_come(
    store: SqlStore, used_at: int
) -> None:
    await open_session(store, await add_user(store), used_at=used_at)
    assert await turn(store, at=NOW)
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert (found[0].rotated_at, found[0].used_at) == (NOW, NOW)


@pytest.mark.parametrize(
    ("sid", "generation"),
    [("s-1", 0), ("s-1", 1), ("s-1", 3), ("s-1", -1), ("s-2", 2), ("", 2)],
)
async def test_only_the_present_generation_of_a_living_session_turns(
    store: SqlStore, database_url: str, sid: str, generation: int
) -> None:
    await open_session(store, await add_user(store), generation=2)
    before = await read_tables(database_url)
    assert not await turn(store, sid, generation, at=NOW + 60)
    assert await read_tables(database_url) == before


async def test_of_fifty_turns_at_once_one_wins(store: SqlStore, other: SqlStore) -> None:
    await open_session(store, await add_user(store))
    turns = [turn((store, other)[number % 2], at=NOW + number) for number in range(50)]
    won = await asyncio.gather(*turns)
    assert won.count(True) == 1
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert (found[0].generation, found[0].rotated_at) == (1, NOW + won.index(True))


async def test_an_ended_session_does_not_turn(store: SqlStore) -> None:
    await open_session(store, await add_user(store))
    await store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP)
    assert await store.sessions.find_session("s-1") is None
    assert not await turn(store)


async def test_a_turn_and_an_end_at_once_leave_no_session(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    """Whether the entry knows of the new token is who came first, and it says so either way."""
    await open_session(store, await add_user(store))
    turned, entries = await asyncio.gather(
        turn(store, at=NOW + 60),
        other.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
    )
    assert (await read_tables(database_url))["sessions"] == []
    until = 660 if turned else 600
    assert [entry.revocation.forget_at for entry in entries] == [NOW + until + KEEP]


@pytest.mark.parametrize("device", [UNKNOWN_DEVICE, DESK, Device("a" * 64, "\u00e9" * 256)])
async def test_a_session_keeps_from_where_it_was_opened(store: SqlStore, device: Device) -> None:
    session = await open_session(store, await add_user(store), device=device)
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert found[0].device == session.device == device


async def test_the_living_sessions_of_a_user_are_listed_the_newest_first(store: SqlStore) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    await open_session(store, bob, "of-bob")
    dates = {
        "old": (NOW - REFRESH_TTL, NOW - REFRESH_TTL + 1, NOW + 1),
        "new": (NOW - 1, NOW - 1, NOW + 1),
        "over": (NOW, NOW, NOW),
        "not refreshed": (NOW, NOW - REFRESH_TTL, NOW + 1),
    }
    opened = {
        sid: await open_session(
            store, alice, sid, created_at=created, rotated_at=rotated, expires_at=expires
        )
        for sid, (created, rotated, expires) in dates.items()
    }
    cookie = await open_session(
        store,
        alice,
        "cookie",
        kind=SessionKind.COOKIE,
        created_at=NOW - 2 * REFRESH_TTL,
        rotated_at=NOW - 2 * REFRESH_TTL,
    )
    listed = await store.sessions.list_sessions(alice.id, now=NOW, refresh_ttl=REFRESH_TTL)
    assert list(listed) == [opened["new"], opened["old"], cookie]
    assert await store.sessions.list_sessions("nobody", now=NOW, refresh_ttl=REFRESH_TTL) == []


async def test_a_replay_is_a_row_of_the_trail_and_nothing_else(
    store: SqlStore, database_url: str
) -> None:
    await open_session(store, await add_user(store))
    before = await read_tables(database_url)
    event = AuditEvent(
        NOW, Action.SESSION_REPLAYED, SERVICE, "s-1", PHONE, {"last_address": "192.0.2.1"}
    )
    await store.sessions.note_replay(event)
    after = await read_tables(database_url)
    assert {name for name in after if after[name] != before[name]} == {"audit"}
    (record,) = await read_told(store)
    assert (record.action, record.subject, record.device) == ("session.replayed", "s-1", PHONE)
    assert record.details == {"last_address": "192.0.2.1"}
