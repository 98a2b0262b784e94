"""The port SessionStore: sessions, and the turn of their refresh tokens."""

import asyncio
from dataclasses import replace

import pytest

from sidecar.core.session import SessionKind
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import KEEP, NOW, add_user, open_session, read_tables

pytestmark = pytest.mark.asyncio


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
    changed, _ = await store.users.change_user(
        "alice", change, admin_role="admin", now=NOW + 1, keep_after=KEEP
    )
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert (found[0], found[1].user, found[1].epoch) == (session, changed, (0, 1))


async def test_a_turn_moves_the_generation_and_its_dates_and_nothing_else(store: SqlStore) -> None:
    user = await add_user(store)
    first = await open_session(store, user, "s-1")
    second = await open_session(store, user, "s-2")
    turned = await store.sessions.rotate_session(
        "s-1", 0, rotated_at=NOW + 60, tokens_until=NOW + 660
    )
    assert turned
    found = [await store.sessions.find_session(sid) for sid in ("s-1", "s-2")]
    assert [session for session, _ in filter(None, found)] == [
        replace(first, generation=1, rotated_at=NOW + 60, tokens_until=NOW + 660),
        second,
    ]


@pytest.mark.parametrize(
    ("sid", "generation"),
    [("s-1", 0), ("s-1", 1), ("s-1", 3), ("s-1", -1), ("s-2", 2), ("", 2)],
)
async def test_only_the_present_generation_of_a_living_session_turns(
    store: SqlStore, database_url: str, sid: str, generation: int
) -> None:
    await open_session(store, await add_user(store), generation=2)
    before = await read_tables(database_url)
    assert not await store.sessions.rotate_session(
        sid, generation, rotated_at=NOW + 60, tokens_until=NOW + 660
    )
    assert await read_tables(database_url) == before


async def test_of_fifty_turns_at_once_one_wins(store: SqlStore, other: SqlStore) -> None:
    await open_session(store, await add_user(store))
    turns = [
        (store, other)[number % 2].sessions.rotate_session(
            "s-1", 0, rotated_at=NOW + number, tokens_until=NOW + 600 + number
        )
        for number in range(50)
    ]
    won = await asyncio.gather(*turns)
    assert won.count(True) == 1
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert (found[0].generation, found[0].rotated_at) == (1, NOW + won.index(True))


async def test_an_ended_session_does_not_turn(store: SqlStore) -> None:
    await open_session(store, await add_user(store))
    await store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP)
    assert await store.sessions.find_session("s-1") is None
    assert not await store.sessions.rotate_session("s-1", 0, rotated_at=NOW, tokens_until=NOW)


async def test_a_turn_and_an_end_at_once_leave_no_session(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    """Whether the entry knows of the new token is who came first, and it says so either way."""
    await open_session(store, await add_user(store))
    turned, entries = await asyncio.gather(
        store.sessions.rotate_session("s-1", 0, rotated_at=NOW + 60, tokens_until=NOW + 660),
        other.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
    )
    assert (await read_tables(database_url))["sessions"] == []
    until = 660 if turned else 600
    assert [entry.revocation.forget_at for entry in entries] == [NOW + until + KEEP]
