"""How many sessions a user may have: with the next one the oldest end, and the bound holds."""

import asyncio
from dataclasses import replace

import pytest

from sidecar.core.revocation import Level, Revocation
from sidecar.core.session import SessionKind
from sidecar.core.user import User
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BOUND,
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    end_user,
    make_session,
    open_session,
    read_tables,
    run_sql,
)

pytestmark = pytest.mark.asyncio


async def log_in(
    store: SqlStore, user: User, sid: str, *, most: int, at: int = NOW
) -> tuple[Entry, ...]:
    """Open a session within a bound and return what it ended."""
    session = make_session(user, sid, created_at=at, rotated_at=at, used_at=at)
    ended = await store.sessions.add_session(session, (0, 0), replace(BOUND, most=most))
    assert isinstance(ended, tuple)
    return ended


async def sids_of(store: SqlStore, user: User) -> list[str]:
    """Return the living sessions of a user, the newest first."""
    listed = await store.sessions.list_sessions(user.id, now=NOW, refresh_ttl=REFRESH_TTL)
    return [each.sid for each in listed]


@pytest.mark.parametrize(
    ("most", "left"), [(4, "dcba"), (3, "dcb"), (2, "dc"), (1, "d"), (100, "dcba")]
)
async def test_with_one_too_many_the_oldest_end(store: SqlStore, most: int, left: str) -> None:
    user = await add_user(store)
    for number, sid in enumerate("abc"):
        await open_session(store, user, sid, created_at=NOW - 3 + number, tokens_until=NOW + number)
    ended = await log_in(store, user, "d", most=most)
    assert await sids_of(store, user) == list(left)
    gone = sorted(set("abcd") - set(left))
    assert sorted((each.revocation for each in ended), key=lambda each: each.subject) == [
        Revocation(Level.SESSION, sid, 0, NOW + "abc".index(sid) + KEEP) for sid in gone
    ]
    assert list(await store.revocations.read_entries(0)) == list(ended)
    assert list(await store.revocations.read_outbox()) == list(ended)


async def test_the_sessions_of_others_are_not_counted(store: SqlStore) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    await open_session(store, bob, "b")
    assert await log_in(store, alice, "a", most=1) == ()
    assert await sids_of(store, bob) == ["b"]


@pytest.mark.parametrize(
    "over",
    [
        {"expires_at": NOW},
        {"rotated_at": NOW - REFRESH_TTL},
        {"kind": SessionKind.COOKIE, "expires_at": NOW},
    ],
)
async def test_what_is_over_takes_nobodys_place(store: SqlStore, over: dict[str, int]) -> None:
    user = await add_user(store)
    await open_session(store, user, "living", created_at=NOW - 9)
    await open_session(store, user, "over", created_at=NOW - 1, **over)
    assert await log_in(store, user, "new", most=2) == ()
    assert await sids_of(store, user) == ["new", "living"]


async def test_logins_at_once_keep_the_bound(store: SqlStore, other: SqlStore) -> None:
    user = await add_user(store)
    ended = await asyncio.gather(
        *(log_in((store, other)[number % 2], user, f"s-{number}", most=3) for number in range(30))
    )
    assert len(await sids_of(store, user)) == 3
    assert sum(map(len, ended)) == len(await store.revocations.read_entries(0)) == 27


async def test_logins_at_the_bound_and_ends_at_once_wait_for_each_other(
    store: SqlStore, other: SqlStore
) -> None:
    """Whoever took rows ahead of the log's lock would be the end of one of them."""
    user = await add_user(store)

    async def log_in_again(number: int) -> None:
        account = await store.sessions.find_account("alice")
        assert account is not None
        bound = replace(BOUND, most=2)
        session = make_session(user, f"s-{number}", created_at=NOW + number)
        await store.sessions.add_session(session, account.epoch, bound)

    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            tasks.create_task(log_in_again(number))
            if number % 3 == 0:
                tasks.create_task(end_user(other, user.id, personal_tokens=True))
            else:
                tasks.create_task(
                    other.revocations.end_session(f"s-{number - 1}", forget_at=0, keep_after=KEEP)
                )
    assert len(await sids_of(store, user)) <= 2


async def test_a_login_whose_place_cannot_be_made_opens_nothing(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    await open_session(store, user, "old")
    before = await read_tables(database_url)
    await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await log_in(store, user, "new", most=1)
    await run_sql(database_url, "ALTER TABLE away RENAME TO revocations")
    assert await read_tables(database_url) == before


async def test_a_login_that_rights_move_under_ends_nothing(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    await open_session(store, user, "old")
    before = await read_tables(database_url)
    for epoch in ((0, 1), (1, 0)):
        session = make_session(user, "new")
        assert await store.sessions.add_session(session, epoch, replace(BOUND, most=1)) is None
    assert await read_tables(database_url) == before
