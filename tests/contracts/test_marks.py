"""The port MarkStore: from where a user is known, and what makes them a stranger again."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Final

import pytest

from sidecar.core.audit import UNKNOWN_DEVICE
from sidecar.core.throttle import MARK_TTL, MOST_MARKS
from sidecar.ports import Reset, UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BY,
    HASH,
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    change_user,
    end_everyone,
    end_user,
    make_user,
    open_session,
    read_tables,
    remove_user,
)

pytestmark = pytest.mark.asyncio

HOME, PHONE = "203.0.113.7", "AAAAAAAAAAAAAAAAAAAAAA"


async def mark(
    store: SqlStore, *places: str, now: int = NOW, epoch: tuple[int, int] = (0, 0)
) -> None:
    await store.marks.put_marks("id-of-alice", epoch, places, now)


async def find(
    store: SqlStore, *places: str, name: str = "alice", now: int = NOW
) -> Collection[str]:
    return set(await store.marks.find_marks(name, places or (HOME, PHONE), now))


async def test_a_user_is_known_from_where_they_logged_in_and_nobody_else_is(
    store: SqlStore,
) -> None:
    for name in ("alice", "eve"):
        await add_user(store, name)
    await mark(store, HOME, PHONE)
    assert await find(store) == {HOME, PHONE}
    assert await find(store, PHONE, "203.0.113.8") == {PHONE}
    for name in ("eve", "nobody", "", "id-of-alice"):
        assert await find(store, name=name) == set()


@pytest.mark.parametrize(("later", "known"), [(MARK_TTL - 1, True), (MARK_TTL, False)])
async def test_a_place_is_known_for_thirty_days_from_the_last_login_on(
    store: SqlStore, database_url: str, later: int, known: bool
) -> None:
    await add_user(store)
    await mark(store, HOME, PHONE)
    await mark(store, HOME, now=NOW + 5)
    assert await find(store, now=NOW + later) == ({HOME, PHONE} if known else {HOME})
    assert await find(store, now=NOW + 5 + later) == ({HOME} if known else set())
    await store.sweep.purge(NOW + later, refresh_ttl=REFRESH_TTL)
    left = {row[1] for row in (await read_tables(database_url))["marks"]}
    assert left == ({HOME, PHONE} if known else {HOME})


async def test_of_too_many_places_the_oldest_goes(store: SqlStore, database_url: str) -> None:
    await add_user(store)
    places = [f"192.0.2.{number}" for number in range(MOST_MARKS)]
    for number, place in enumerate(places):
        await mark(store, place, now=NOW + number)
    assert await find(store, *places) == set(places)
    await mark(store, places[0], now=NOW + 50)
    await mark(store, HOME, PHONE, now=NOW + 60)
    assert await find(store, HOME, PHONE, *places) == {HOME, PHONE, places[0], *places[3:]}
    assert len((await read_tables(database_url))["marks"]) == MOST_MARKS


async def test_logins_at_once_on_two_replicas_are_all_known(
    store: SqlStore, other: SqlStore
) -> None:
    await add_user(store)
    marks = [mark(store if number % 2 else other, HOME, str(number)) for number in range(10)]
    await asyncio.gather(*marks)
    numbers = [str(number) for number in range(10)]
    assert await find(store, HOME, *numbers) == {HOME, *numbers}


async def test_a_login_that_a_change_overtook_is_not_known(store: SqlStore) -> None:
    await add_user(store)
    await change_user(store, UserChange(password_hash="another hash"))
    await mark(store, HOME, epoch=(0, 0))
    assert await find(store) == set()
    await end_everyone(store)
    await mark(store, HOME, epoch=(0, NOW))
    assert await find(store) == set()
    await mark(store, HOME, epoch=(NOW, NOW))
    assert await find(store) == {HOME}
    await remove_user(store)
    await mark(store, HOME, epoch=(NOW, NOW))


async def spend_link(store: SqlStore) -> None:
    link = Reset("id-of-alice", "a" * 64, NOW, NOW + 9)
    assert await store.resets.put_reset(link, BY)
    spent = await store.resets.spend_reset(
        link.token_hash, "another hash", UNKNOWN_DEVICE, NOW, admin_role="admin", keep_after=KEEP
    )
    assert spent is not None


async def change_own_password(store: SqlStore) -> None:
    account = await store.sessions.find_account("alice")
    assert account is not None
    kept = await open_session(store, account.user)
    successor = replace(kept, generation=kept.generation + 1)
    assert await store.own_passwords.change_own_password(
        account, "another hash", BY, kept, successor, keep_after=KEEP
    )


async def remove_and_add(store: SqlStore) -> None:
    await remove_user(store)
    await store.users.add_user(replace(make_user("alice"), id="another id"), HASH, BY)


async def change_and_back(store: SqlStore, change: UserChange, back: UserChange) -> None:
    for each in (change, back):
        await change_user(store, each)


ENDS: Final[dict[str, Callable[[SqlStore], Awaitable[object]]]] = {
    "new password": lambda store: change_user(store, UserChange(password_hash="another hash")),
    "own password": change_own_password,
    "reset": spend_link,
    "end of all sessions": end_user,
    "end of everyone's": end_everyone,
    "removal": remove_and_add,
    "disabling": lambda store: change_and_back(
        store, UserChange(disabled=True), UserChange(disabled=False)
    ),
    "another name": lambda store: change_and_back(
        store, UserChange(username="alicia"), UserChange(username="alice")
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_whoever_may_have_lost_the_account_is_a_stranger_everywhere(
    store: SqlStore, end: str
) -> None:
    await add_user(store)
    await mark(store, HOME, PHONE)
    await ENDS[end](store)
    assert await find(store) == set()


async def test_another_name_is_known_from_nowhere(store: SqlStore) -> None:
    await add_user(store)
    await mark(store, HOME, PHONE)
    await change_user(store, UserChange(username="alicia"))
    assert await find(store, name="alice") == await find(store, name="alicia") == set()


async def test_other_changes_leave_people_known(store: SqlStore) -> None:
    await add_user(store)
    await add_user(store, "eve")
    await mark(store, HOME, PHONE)
    await change_user(store, UserChange(roles=("staff",), email="a@b.example", name="Alice"))
    await change_user(store, UserChange(password_hash="another hash"), "eve")
    assert await find(store) == {HOME, PHONE}
