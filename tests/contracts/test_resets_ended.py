"""One-time links that count no more: for what happened to their user, or to who made them."""

from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.audit import Author
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.links import LINK, find, hash_of, spend
from tests.contracts.sql_stores import (
    BY,
    HASH,
    add_user,
    change_user,
    end_everyone,
    end_user,
    read_tables,
    remove_user,
)

pytestmark = pytest.mark.asyncio

ENDS: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "disabled": lambda store: change_user(store, UserChange(disabled=True)),
    "another password": lambda store: change_user(store, UserChange(password_hash="a newer hash")),
    "all sessions ended": end_user,
    "everybody's ended": end_everyone,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_link_does_not_outlive_what_happens_to_its_user(
    store: SqlStore, end: Callable[[SqlStore], Awaitable[object]]
) -> None:
    await add_user(store, "root", "admin")
    await add_user(store)
    await store.resets.put_reset(LINK, BY)
    await end(store)
    assert await find(store) is None
    assert not await spend(store)
    await change_user(store, UserChange(disabled=False))
    assert not await spend(store)


MAKERS: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "disabled": lambda store: change_user(store, UserChange(disabled=True), name="mallory"),
    "another role": lambda store: change_user(store, UserChange(roles=("staff",)), name="mallory"),
    "a longer role": lambda store: change_user(
        store, UserChange(roles=("admin2",)), name="mallory"
    ),
    "removed": lambda store: remove_user(store, "mallory"),
}


@pytest.mark.parametrize("end", MAKERS.values(), ids=MAKERS)
async def test_a_link_counts_while_who_made_it_may_make_one(
    store: SqlStore, end: Callable[[SqlStore], Awaitable[object]]
) -> None:
    """An administrator who is thrown out comes back by no link that they have made before."""
    await add_user(store, "root", "admin")
    mallory = await add_user(store, "mallory", "admin")
    alice = await add_user(store)
    await store.resets.put_reset(LINK, Author(mallory.id))
    assert await find(store) == alice
    await end(store)
    assert await find(store) is None
    assert not await spend(store)
    assert await hash_of(store) == HASH


async def test_a_link_of_an_administrator_is_spent_as_one_of_an_operator(store: SqlStore) -> None:
    root = await add_user(store, "root", "staff", "admin")
    await add_user(store)
    await store.resets.put_reset(LINK, Author(root.id))
    assert await spend(store)


async def test_a_removed_user_takes_their_link_along(store: SqlStore, database_url: str) -> None:
    await add_user(store, "root", "admin")
    await add_user(store)
    await store.resets.put_reset(LINK, BY)
    await remove_user(store, "alice")
    assert (await read_tables(database_url))["resets"] == []
    assert not await spend(store)
