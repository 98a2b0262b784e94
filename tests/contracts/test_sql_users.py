"""The port UserStore: people, and what a change of them takes away."""

import asyncio

import pytest

from sidecar.core.claims import DAY
from sidecar.core.revocation import Level, Revocation
from sidecar.core.user import User
from sidecar.errors import NameTaken, NotFound
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BY,
    HASH,
    KEEP,
    NOW,
    add_user,
    change_user,
    make_user,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)

pytestmark = pytest.mark.asyncio

ENDING = [UserChange(password_hash="$other"), UserChange(disabled=True)]
MOVING = [
    UserChange(roles=("staff",)),
    UserChange(roles=()),
    UserChange(username="alicia"),
    UserChange(email="new@example.com"),
    UserChange(email=""),
    UserChange(name="Somebody Else"),
    UserChange(name=""),
]
SAME = [
    UserChange(),
    UserChange(username="alice"),
    UserChange(roles=("admin", "staff")),
    UserChange(disabled=False),
    UserChange(email="alice@example.com", name="Alice", password_hash=HASH),
]


LATER = NOW + 60


async def test_users_are_listed_by_username(store: SqlStore) -> None:
    assert list(await store.users.list_users()) == []
    users = [
        await add_user(store, name, "staff", disabled=name == "bob")
        for name in ("carol", "alice", "bob")
    ]
    assert list(await store.users.list_users()) == sorted(users, key=lambda user: user.username)


async def test_users_are_found_by_their_ids_all_at_once(store: SqlStore) -> None:
    assert list(await store.users.find_users([])) == []
    alice, bob = [await add_user(store, name) for name in ("alice", "bob")]
    await add_user(store, "carol")
    asked = [bob.id, "id-of-nobody", alice.id, bob.id]
    assert sorted(await store.users.find_users(asked), key=lambda user: user.id) == [alice, bob]
    many = [f"id-of-nobody-{number}" for number in range(1000)]
    assert list(await store.users.find_users([*many, alice.id])) == [alice]


async def test_a_taken_name_is_refused_and_its_owner_stays(store: SqlStore) -> None:
    user = await add_user(store, "alice", "staff")
    with pytest.raises(NameTaken, match="'alice' is taken"):
        await add_user(store, "alice", "admin")
    assert list(await store.users.list_users()) == [user]


async def test_of_many_who_want_one_name_at_once_one_gets_it(
    store: SqlStore, other: SqlStore
) -> None:
    users = [
        User(f"id-{n}", "alice", None, None, (), disabled=False, created_at=NOW, updated_at=NOW)
        for n in range(10)
    ]
    adds = [(store, other)[n % 2].users.add_user(user, HASH, BY) for n, user in enumerate(users)]
    results = await asyncio.gather(*adds, return_exceptions=True)
    assert results.count(None) == 1
    assert all(isinstance(result, NameTaken) for result in results if result is not None)
    assert list(await store.users.list_users()) == [users[results.index(None)]]


async def test_the_first_user_is_kept_and_no_second_one(store: SqlStore) -> None:
    first = make_user("alice", "admin")
    assert await store.users.add_first_user(first, HASH, BY)
    assert not await store.users.add_first_user(first, HASH, BY)
    assert not await store.users.add_first_user(make_user("bob"), HASH, BY)
    assert list(await store.users.list_users()) == [first]


async def test_of_many_first_users_at_once_one_is_the_first(
    store: SqlStore, other: SqlStore
) -> None:
    adds = [
        (store, other)[n % 2].users.add_first_user(make_user(f"user-{n}"), HASH, BY)
        for n in range(10)
    ]
    made = await asyncio.gather(*adds)
    assert made.count(True) == 1
    assert [user.username for user in await store.users.list_users()] == [
        f"user-{made.index(True)}"
    ]


@pytest.mark.parametrize("wanted", [*MOVING, *ENDING], ids=repr)
async def test_a_change_moves_the_epoch_of_this_user_alone(
    store: SqlStore, wanted: UserChange
) -> None:
    await add_user(store, "root", "admin")
    await add_user(store, "alice", "admin", "staff")
    changed, entries = await change_user(store, wanted, at=LATER)
    account = await store.sessions.find_account(changed.username)
    root = await store.sessions.find_account("root")
    assert account is not None
    assert root is not None
    assert (account.user, account.epoch, root.epoch) == (changed, (0, LATER), (0, 0))
    forget_at = NOW + 60 + DAY + KEEP
    assert [entry.revocation for entry in entries] == [
        Revocation(Level.USER, changed.id, LATER, forget_at)
    ]
    assert list(await store.revocations.read_entries(0)) == list(entries)


@pytest.mark.parametrize("wanted", [*MOVING, *ENDING], ids=repr)
async def test_a_change_refuses_what_was_sealed_behind_one_that_a_failover_lost(
    store: SqlStore, database_url: str, wanted: UserChange
) -> None:
    await add_user(store, "root", "admin")
    user = await add_user(store, "alice", "admin", "staff")
    for at in (NOW, NOW + 1, NOW + 1):
        await change_user(store, UserChange(name=f"alice {at}"), at=at)
    account = await store.sessions.find_account("alice")
    assert account is not None
    await run_sql(database_url, "UPDATE users SET epoch = 0")
    _, entries = await change_user(store, wanted, at=LATER)
    (epoch,) = {each.revocation.epoch for each in entries if each.revocation.subject == user.id}
    assert epoch > account.epoch[1]


@pytest.mark.parametrize("wanted", SAME, ids=repr)
async def test_a_change_of_nothing_does_nothing(
    store: SqlStore, database_url: str, wanted: UserChange
) -> None:
    user = await add_user(store, "alice", "admin", "staff")
    before = await read_tables(database_url)
    assert await change_user(store, wanted, at=LATER) == (user, ())
    assert await read_tables(database_url) == before


async def test_a_change_is_kept_whole(store: SqlStore) -> None:
    user = await add_user(store)
    wanted = UserChange("bob", "b@example.com", "Bob", ("x", "y"), True, "$other")
    changed, _ = await change_user(store, wanted, at=LATER)
    assert changed == User(
        id=user.id,
        username="bob",
        email="b@example.com",
        name="Bob",
        roles=("x", "y"),
        disabled=True,
        created_at=NOW,
        updated_at=NOW + 60,
    )
    account = await store.sessions.find_account("bob")
    assert account is not None
    assert (account.user, account.password_hash) == (changed, "$other")
    cleared, _ = await change_user(store, UserChange(email="", name=""))
    assert (cleared.email, cleared.name) == (None, None)


@pytest.mark.parametrize("wanted", MOVING, ids=repr)
async def test_a_change_of_rights_ends_no_session(store: SqlStore, wanted: UserChange) -> None:
    await add_user(store, "root", "admin")
    await open_session(store, await add_user(store, "alice", "admin"))
    await change_user(store, wanted)
    assert await store.sessions.find_session("s-1") is not None


@pytest.mark.parametrize("wanted", ENDING, ids=repr)
async def test_a_new_password_or_disabling_ends_the_sessions_of_this_user_alone(
    store: SqlStore, wanted: UserChange
) -> None:
    await open_session(store, await add_user(store, "alice"), "s-1")
    await open_session(store, await add_user(store, "bob"), "s-2")
    await change_user(store, wanted)
    assert await store.sessions.find_session("s-1") is None
    assert await store.sessions.find_session("s-2") is not None


async def test_what_a_removed_user_had_is_gone_and_refused(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    await open_session(store, user, tokens_until=NOW + 400 * DAY)
    entries = await remove_user(store, at=LATER)
    assert [entry.revocation for entry in entries] == [
        Revocation(Level.USER, user.id, LATER, NOW + 400 * DAY + KEEP)
    ]
    tables = await read_tables(database_url)
    assert (tables["users"], tables["sessions"]) == ([], [])


@pytest.mark.parametrize("name", ["bob", "Alice", ""])
async def test_nobody_is_not_changed_or_removed(
    store: SqlStore, database_url: str, name: str
) -> None:
    await add_user(store)
    before = await read_tables(database_url)
    assert await store.users.find_user(f"id-of-{name}") is None
    for refused in (change_user(store, UserChange(name="X"), name), remove_user(store, name)):
        with pytest.raises(NotFound, match=f"there is no user with the id 'id-of-{name}'"):
            await refused
    assert await read_tables(database_url) == before


async def test_a_taken_name_is_refused_to_a_change_too(store: SqlStore, database_url: str) -> None:
    await add_user(store, "alice")
    await add_user(store, "bob")
    before = await read_tables(database_url)
    with pytest.raises(NameTaken, match="'bob' is taken"):
        await change_user(store, UserChange(username="bob", roles=("staff",)))
    assert await read_tables(database_url) == before
