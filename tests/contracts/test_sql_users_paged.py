"""The port UserStore, read page by page: everybody once, in the order of the whole list."""

from collections.abc import Sequence

import pytest

from sidecar.accounts import Accounts, people
from sidecar.core.user import User
from sidecar.credentials.passwords import PasswordHasher
from sidecar.ports import Entry
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import KEEP, add_user, remove_user

pytestmark = pytest.mark.asyncio

NAMES = ("carol", "alice", "a-b", "a.b", "ab", "a_b", "bob", "9", "\u5c71\u7530", "\u00e9lise")


async def _publish(entries: Sequence[Entry]) -> None:
    raise AssertionError(f"reading publishes nothing: {entries}")


async def _read_all(store: SqlStore, limit: int) -> list[list[User]]:
    pages = [list(await store.users.read_users("", limit))]
    while pages[-1]:
        pages.append(list(await store.users.read_users(pages[-1][-1].username, limit)))
    return pages[:-1]


async def test_nobody_is_one_empty_page(store: SqlStore) -> None:
    assert await _read_all(store, 3) == []


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 10), (3, [3, 3, 3, 1]), (10, [10])])
async def test_pages_are_the_list_cut_into_pieces(
    store: SqlStore, limit: int, sizes: list[int]
) -> None:
    for name in NAMES:
        await add_user(store, name, "staff", disabled=name == "bob")
    pages = await _read_all(store, limit)
    assert [len(page) for page in pages] == sizes
    assert [user for page in pages for user in page] == list(await store.users.list_users())


async def test_who_is_removed_meanwhile_ends_no_reading(store: SqlStore) -> None:
    for name in ("alice", "bob", "carol"):
        await add_user(store, name)
    (alice,) = await store.users.read_users("", 1)
    await remove_user(store)
    (bob,) = await store.users.read_users(alice.username, 1)
    assert bob.username == "bob"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
async def test_a_walk_meets_everybody_once_whatever_the_page(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(people, "PAGE", 2)
    for name in NAMES[:count]:
        await add_user(store, name)
    passwords = PasswordHasher()
    walked_by = Accounts(
        store.users, store.sessions, passwords, _publish, admin_role="admin", keep_after=KEEP
    )
    try:
        walked = [user async for user in walked_by.walk()]
    finally:
        passwords.close()
    assert walked == list(await store.users.list_users())
