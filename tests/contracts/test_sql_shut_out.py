"""Personal tokens are credentials: they go where somebody else shuts a person out."""

from collections.abc import Awaitable, Callable

import pytest

from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    add_tokens,
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

TAKES_TOKENS: dict[str, tuple[Callable[[SqlStore], Awaitable[object]], set[str]]] = {
    "one session": (
        lambda store: store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
        {"alice", "bob"},
    ),
    "by the user": (
        end_user,
        {"alice", "bob"},
    ),
    "by an administrator": (
        lambda store: end_user(store, personal_tokens=True),
        {"bob"},
    ),
    "other roles": (lambda store: change_user(store, UserChange(roles=("ops",))), {"alice", "bob"}),
    "enabled": (lambda store: change_user(store, UserChange(disabled=False)), {"alice", "bob"}),
    "disabled": (lambda store: change_user(store, UserChange(disabled=True)), {"bob"}),
    "a new password": (
        lambda store: change_user(store, UserChange(password_hash="$other")),
        {"bob"},
    ),
    "removed": (remove_user, {"bob"}),
    "everyone": (end_everyone, set()),
}


@pytest.mark.parametrize(("end", "left"), TAKES_TOKENS.values(), ids=TAKES_TOKENS)
async def test_personal_tokens_go_where_somebody_is_shut_out(
    store: SqlStore,
    database_url: str,
    end: Callable[[SqlStore], Awaitable[object]],
    left: set[str],
) -> None:
    for name in ("alice", "bob"):
        user = await add_user(store, name)
        await add_tokens(database_url, user, f"of-{name}")
    await open_session(store, make_user())
    await end(store)
    rows = (await read_tables(database_url))["personal_tokens"]
    assert {row[0] for row in rows} == {f"of-{name}" for name in left}
