"""The port AccountStore: who can log in, and whether a login may still open its session."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.user import User
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BOUND,
    HASH,
    NOW,
    add_user,
    change_user,
    end_everyone,
    end_user,
    make_session,
    make_user,
    open_session,
    read_tables,
    remove_user,
)

pytestmark = pytest.mark.asyncio

LOGINS = 40


@pytest.mark.parametrize("username", ["bob", "Alice", "alice ", "", "al%", "' OR 1=1 --"])
async def test_another_name_is_nobody(store: SqlStore, username: str) -> None:
    await add_user(store)
    assert await store.sessions.find_account(username) is None


@pytest.mark.parametrize("disabled", [False, True])
async def test_an_account_is_found_also_a_disabled_one(store: SqlStore, disabled: bool) -> None:
    user = await add_user(store, "alice", "staff", "on-call", disabled=disabled)
    await add_user(store, "bob")
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert (account.user, account.password_hash, account.epoch) == (user, HASH, (0, 0))
    assert HASH not in repr(account)


async def test_an_account_bears_both_epochs_of_this_moment(store: SqlStore) -> None:
    user = await add_user(store)
    await end_user(store, user.id)
    await end_user(store, user.id)
    await end_everyone(store)
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert account.epoch == (NOW, NOW + 1)


async def test_a_session_is_kept_as_it_was_opened(store: SqlStore) -> None:
    session = await open_session(store, await add_user(store), amr=("pwd", "otp"))
    found = await store.sessions.find_session("s-1")
    assert found is not None
    assert found[0] == session


MOVES: dict[str, Callable[[SqlStore, User], Awaitable[object]]] = {
    "the roles changed": lambda store, _: change_user(store, UserChange(roles=("staff",))),
    "the name changed": lambda store, _: change_user(store, UserChange(name="Somebody")),
    "the password changed": lambda store, _: change_user(store, UserChange(password_hash="$other")),
    "disabled": lambda store, _: change_user(store, UserChange(disabled=True)),
    "removed": lambda store, user: remove_user(store, user.username),
    "ended": lambda store, user: end_user(store, user.id),
    "everyone ended": lambda store, _: end_everyone(store),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_a_login_that_rights_moved_under_opens_nothing(
    store: SqlStore, move: Callable[[SqlStore, User], Awaitable[object]]
) -> None:
    user = await add_user(store)
    account = await store.sessions.find_account("alice")
    assert account is not None
    await move(store, user)
    assert await store.sessions.add_session(make_session(user), account.epoch, BOUND) is None
    assert await store.sessions.find_session("s-1") is None


@pytest.mark.parametrize("epoch", [(0, 1), (1, 0), (1, 1), (-1, 0), (0, -1)])
async def test_epochs_that_are_not_in_force_open_nothing(
    store: SqlStore, database_url: str, epoch: tuple[int, int]
) -> None:
    user = await add_user(store)
    assert await store.sessions.add_session(make_session(user), epoch, BOUND) is None
    assert (await read_tables(database_url))["sessions"] == []


async def test_a_disabled_or_unknown_user_opens_nothing(store: SqlStore) -> None:
    disabled = await add_user(store, "bob", disabled=True)
    for user in (disabled, make_user("nobody")):
        assert await store.sessions.add_session(make_session(user), (0, 0), BOUND) is None


async def test_no_login_outlives_the_end_of_all_sessions_of_its_user(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    """Each is refused, or is there to be ended."""
    user = await add_user(store)
    sessions = [make_session(user, f"s-{number}") for number in range(LOGINS)]
    logins = [store.sessions.add_session(session, (0, 0), BOUND) for session in sessions]
    end = end_user(other, user.id)
    await asyncio.gather(*logins[: LOGINS // 2], end, *logins[LOGINS // 2 :])
    assert (await read_tables(database_url))["sessions"] == []


async def test_logins_and_changes_at_once_wait_for_each_other(
    store: SqlStore, other: SqlStore
) -> None:
    """Whoever locks rows in another order than the others is the end of one of them."""
    user = await add_user(store)

    async def log_in(number: int) -> None:
        account = await store.sessions.find_account("alice")
        assert account is not None
        await store.sessions.add_session(make_session(user, f"s-{number}"), account.epoch, BOUND)

    async with asyncio.TaskGroup() as tasks:
        for number in range(LOGINS):
            tasks.create_task(log_in(number))
            tasks.create_task(change_user(other, UserChange(name=f"Name {number}")))
