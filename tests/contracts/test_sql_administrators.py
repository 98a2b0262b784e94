"""The port UserStore: the last enabled administrator cannot go."""

import asyncio
from collections.abc import Sequence

import pytest

from sidecar.errors import LastAdministrator
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    add_user,
    change_user,
    open_session,
    read_tables,
    remove_user,
)

pytestmark = pytest.mark.asyncio

ROOT = ("root", ("admin",), False)
OTHERS = {
    "alone": [],
    "beside somebody else": [("bob", ("staff",), False)],
    "beside a disabled administrator": [("bob", ("admin",), True)],
    "beside a role that only looks like it": [("bob", ("administrator", "admin/x"), False)],
}
LEAVING = {
    "removed": None,
    "disabled": UserChange(disabled=True),
    "without the role": UserChange(roles=("staff",)),
    "without any role": UserChange(roles=()),
    "renamed and disabled": UserChange(username="toor", disabled=True),
}


async def leave(store: SqlStore, username: str, change: UserChange | None) -> None:
    if change is None:
        await remove_user(store, username)
    else:
        await change_user(store, change, username)


async def add_users(store: SqlStore, users: Sequence[tuple[str, tuple[str, ...], bool]]) -> None:
    for username, roles, disabled in users:
        await add_user(store, username, *roles, disabled=disabled)


@pytest.mark.parametrize("change", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
async def test_the_last_administrator_stays_with_all_that_was_theirs(
    store: SqlStore,
    database_url: str,
    others: Sequence[tuple[str, tuple[str, ...], bool]],
    change: UserChange | None,
) -> None:
    user = await add_user(store, "root", "admin")
    await add_users(store, others)
    await open_session(store, user)
    before = await read_tables(database_url)
    with pytest.raises(LastAdministrator, match="root is the last administrator"):
        await leave(store, "root", change)
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("change", LEAVING.values(), ids=LEAVING)
async def test_another_enabled_administrator_lets_one_go(
    store: SqlStore, change: UserChange | None
) -> None:
    await add_users(store, [ROOT, ("bob", ("staff", "admin"), False)])
    await leave(store, "root", change)


@pytest.mark.parametrize("change", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize(
    ("roles", "disabled"), [(("staff",), False), (("admin",), True)], ids=["staff", "disabled"]
)
async def test_who_is_no_enabled_administrator_can_go_also_where_there_is_none(
    store: SqlStore, roles: tuple[str, ...], disabled: bool, change: UserChange | None
) -> None:
    await add_user(store, "root", *roles, disabled=disabled)
    await leave(store, "root", change)


@pytest.mark.parametrize(
    "change",
    [
        UserChange(username="toor"),
        UserChange(roles=("admin", "staff")),
        UserChange(password_hash="$other"),
    ],
    ids=repr,
)
async def test_the_last_administrator_may_change_what_leaves_them_one(
    store: SqlStore, change: UserChange
) -> None:
    await add_user(store, "root", "admin")
    await leave(store, "root", change)


@pytest.mark.parametrize("change", LEAVING.values(), ids=LEAVING)
async def test_of_two_who_go_at_once_one_stays(
    store: SqlStore, other: SqlStore, change: UserChange | None
) -> None:
    await add_users(store, [ROOT, ("bob", ("admin",), False)])
    results = await asyncio.gather(
        leave(store, "root", None), leave(other, "bob", change), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["LastAdministrator", "NoneType"]
    left = [user for user in await store.users.list_users() if not user.disabled]
    assert sum("admin" in user.roles for user in left) == 1
