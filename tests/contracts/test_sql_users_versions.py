"""The port UserStore: the version of a user, and what the trail tells of each change."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.audit import AuditQuery, AuditRecord, Author, Device
from sidecar.errors import NameTaken, StoreUnavailable, VersionMismatch
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BY,
    HASH,
    NOW,
    RULES,
    add_tokens,
    add_user,
    change_user,
    end_user,
    make_user,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)
from tests.contracts.trail import read_told

pytestmark = pytest.mark.asyncio

ROOT = Author("id-of-root", Device("203.0.113.7", "browser"))
ALL = AuditQuery(100)
ALICE = {
    "username": "alice",
    "email": "alice@example.com",
    "name": "Alice",
    "roles": ["staff"],
    "disabled": False,
}


async def change_seen(store: SqlStore, change: UserChange, seen: int | None) -> int:
    """Change alice, and return her version."""
    _, version, _ = await store.users.change_user(
        "id-of-alice", change, ROOT, NOW, seen=seen, rules=RULES
    )
    return version


async def only_row(store: SqlStore) -> AuditRecord:
    (row,) = await read_told(store)
    return row


async def test_a_user_is_found_with_a_version_that_every_change_moves(store: SqlStore) -> None:
    user = await add_user(store)
    assert await store.users.find_user(user.id) == (user, 0)
    seen = 0
    for number in range(3):  # all of them in one second
        seen = await change_seen(store, UserChange(name=f"Name {number}"), seen)
        assert seen == NOW + number
    await end_user(store)
    found = await store.users.find_user(user.id)
    assert found is not None
    assert (found[0].name, found[1]) == ("Name 2", NOW + 3)


@pytest.mark.parametrize("user_id", ["alice", "", "id-of-ALICE", "%", "id-of-bob"])
async def test_another_id_is_nobody(store: SqlStore, user_id: str) -> None:
    await add_user(store)
    assert await store.users.find_user(user_id) is None


@pytest.mark.parametrize("seen", [0, NOW - 1, NOW + 1, -1])
async def test_another_version_than_was_seen_is_not_changed_or_removed(
    store: SqlStore, database_url: str, seen: int
) -> None:
    user = await add_user(store)
    await change_user(store, UserChange(name="Al"))
    await open_session(store, user)
    before = await read_tables(database_url)
    for change in (UserChange(name="X"), UserChange()):
        with pytest.raises(VersionMismatch, match="'alice' was changed meanwhile"):
            await change_seen(store, change, seen)
    with pytest.raises(VersionMismatch):
        await store.users.remove_user(user.id, ROOT, NOW, seen=seen, rules=RULES)
    assert await read_tables(database_url) == before


async def test_of_many_changes_of_one_version_one_is_made(store: SqlStore, other: SqlStore) -> None:
    await add_user(store)
    changes = [
        change_seen((store, other)[n % 2], UserChange(name=f"Name {n}"), 0) for n in range(10)
    ]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert results.count(NOW) == 1
    assert sum(isinstance(result, VersionMismatch) for result in results) == 9
    found = await store.users.find_user("id-of-alice")
    assert found is not None
    assert (found[0].name, found[1]) == (f"Name {results.index(NOW)}", NOW)
    assert len(await read_told(store)) == 1


async def test_somebody_new_is_told(store: SqlStore) -> None:
    await store.users.add_user(make_user("alice", "staff"), HASH, ROOT)
    (row,) = await store.audit.read_events(ALL)
    assert (row.at, row.action, row.actor, row.subject, row.device) == (
        *(NOW, "user.added", ROOT.actor, "id-of-alice", ROOT.device),
    )
    assert row.details == {"after": ALICE}


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (UserChange(roles=("admin",)), {"roles": ["staff"]}, {"roles": ["admin"]}),
        (UserChange(username="alicia"), {"username": "alice"}, {"username": "alicia"}),
        (UserChange(email=""), {"email": "alice@example.com"}, {"email": None}),
        (UserChange(name="Al"), {"name": "Alice"}, {"name": "Al"}),
        (
            UserChange(name="Al", email="alice@example.com", roles=()),
            {"name": "Alice", "roles": ["staff"]},
            {"name": "Al", "roles": []},
        ),
    ],
)
async def test_a_change_is_told_by_the_fields_that_differ(
    store: SqlStore, change: UserChange, before: object, after: object
) -> None:
    await open_session(store, await add_user(store, "alice", "staff"))
    await change_seen(store, change, 0)
    row = await only_row(store)
    assert (row.at, row.action, row.actor, row.subject, row.device) == (
        *(NOW, "user.changed", ROOT.actor, "id-of-alice", ROOT.device),
    )
    assert row.details == {"before": before, "after": after}


async def test_what_ends_with_a_change_is_counted(store: SqlStore, database_url: str) -> None:
    user = await add_user(store, "alice", "staff")
    for sid in ("s-1", "s-2"):
        await open_session(store, user, sid)
    await add_tokens(database_url, user, "t-1", "t-2", "t-3")
    await open_session(store, await add_user(store, "bob"), "s-3")
    await change_seen(store, UserChange(disabled=True), 0)
    row = await only_row(store)
    assert row.action == "user.changed"
    assert row.details == {
        "before": {"disabled": False},
        "after": {"disabled": True},
        "sessions": 2,
        "personal_tokens": 3,
    }


async def test_a_new_password_is_told_apart_and_without_it(store: SqlStore) -> None:
    await open_session(store, await add_user(store, "alice", "staff"))
    await change_seen(store, UserChange(name="Al", password_hash="$other"), 0)
    ended = {"sessions": 1, "personal_tokens": 0}
    assert [(row.action, row.details) for row in await read_told(store)] == [
        ("user.password", ended),
        ("user.changed", {"before": {"name": "Alice"}, "after": {"name": "Al"}, **ended}),
    ]


async def test_who_is_removed_is_told_as_they_were(store: SqlStore) -> None:
    user = await add_user(store, "alice", "staff")
    await open_session(store, user)
    await store.users.remove_user(user.id, ROOT, NOW, seen=0, rules=RULES)
    row = await only_row(store)
    assert (row.action, row.actor, row.subject) == ("user.removed", ROOT.actor, user.id)
    assert row.details == {"before": ALICE, "sessions": 1, "personal_tokens": 0}


WRITES: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "added": lambda store: store.users.add_user(make_user("bob"), HASH, BY),
    "changed": lambda store: change_user(store, UserChange(roles=("x",))),
    "a new password": lambda store: change_user(store, UserChange(password_hash="$other")),
    "removed": remove_user,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_where_the_trail_cannot_be_written_nothing_is_changed(
    store: SqlStore, database_url: str, write: Callable[[SqlStore], Awaitable[object]]
) -> None:
    await open_session(store, await add_user(store, "alice", "staff"))
    before = await read_tables(database_url)
    await run_sql(database_url, "ALTER TABLE audit RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await write(store)
    await run_sql(database_url, "ALTER TABLE away RENAME TO audit")
    assert await read_tables(database_url) == before


async def test_a_name_that_is_taken_is_not_told(store: SqlStore) -> None:
    await add_user(store)
    await add_user(store, "bob")
    with pytest.raises(NameTaken):
        await change_user(store, UserChange(username="bob"))
    assert await read_told(store) == []


async def test_of_many_who_remove_two_administrators_at_once_one_is_left(
    store: SqlStore, other: SqlStore
) -> None:
    for name in ("root", "toor"):
        await add_user(store, name, "admin")
    removals = [
        remove_user((store, other)[n % 2], name) for n in range(10) for name in ("root", "toor")
    ]
    results = await asyncio.gather(*removals, return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    left = await store.users.list_users()
    assert [user.roles for user in left] == [("admin",)]
