"""The port RevocationStore: each level is one transaction, and its entry outlives what it ends."""

from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.audit import OPERATOR, Action, AuditEvent
from sidecar.core.claims import DAY, LATEST_DATE, LONGEST_LIFE, TokenKind
from sidecar.core.revocation import Level, Revocation
from sidecar.errors import NotFound, StoreUnavailable
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    add_user,
    change_user,
    end_everyone,
    end_user,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)

pytestmark = pytest.mark.asyncio


async def test_a_token_is_refused_until_its_end(store: SqlStore) -> None:
    entries = await store.revocations.revoke_token("j-1", forget_at=NOW + 5)
    assert [entry.revocation for entry in entries] == [Revocation(Level.TOKEN, "j-1", 0, NOW + 5)]
    assert list(await store.revocations.read_entries(0)) == list(entries)


async def test_a_token_that_is_taken_away_again_and_again_is_one_entry(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    first = await store.revocations.revoke_token("j-1", forget_at=NOW + 5)
    before = await read_tables(database_url)
    revoked = [
        await log.revocations.revoke_token("j-1", forget_at=NOW + sooner)
        for log, sooner in ((store, 5), (other, 5), (other, 4), (store, 0))
    ]
    assert revoked == [first] * 4
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("jti", ["j-1", "s-1"])
async def test_entries_of_other_levels_and_tokens_refuse_no_token(
    store: SqlStore, jti: str
) -> None:
    await store.revocations.end_session("s-1", forget_at=NOW + 9, keep_after=KEEP)
    await store.revocations.revoke_token("j-2", forget_at=NOW + 9)
    (entry,) = await store.revocations.revoke_token(jti, forget_at=NOW)
    assert entry.revocation == Revocation(Level.TOKEN, jti, 0, NOW)


@pytest.mark.parametrize(
    ("known_of", "forget_at"),
    [
        (0, NOW + 600 + KEEP),
        (NOW + 599 + KEEP, NOW + 600 + KEEP),
        (NOW + 600 + KEEP, NOW + 600 + KEEP),
        (NOW + 601 + KEEP, NOW + 601 + KEEP),
    ],
)
async def test_an_ended_session_is_refused_until_the_later_of_what_is_known(
    store: SqlStore, known_of: int, forget_at: int
) -> None:
    user = await add_user(store)
    await open_session(store, user, "s-1", tokens_until=NOW + 600)
    await open_session(store, user, "s-2")
    entries = await store.revocations.end_session("s-1", forget_at=known_of, keep_after=KEEP)
    assert [entry.revocation for entry in entries] == [
        Revocation(Level.SESSION, "s-1", 0, forget_at)
    ]
    assert list(await store.revocations.read_entries(0)) == list(entries)
    assert await store.sessions.find_session("s-1") is None
    assert await store.sessions.find_session("s-2") is not None


async def test_a_session_that_is_not_there_leaves_nothing_where_nothing_is_known_of_it(
    store: SqlStore, database_url: str
) -> None:
    await open_session(store, await add_user(store))
    before = await read_tables(database_url)
    for sid in ("s-2", "", "s" * 1000):
        assert await store.revocations.end_session(sid, forget_at=0, keep_after=KEEP) == ()
    assert await read_tables(database_url) == before


async def test_a_session_that_is_not_there_is_refused_as_long_as_its_token_lives(
    store: SqlStore,
) -> None:
    entries = await store.revocations.end_session("s-2", forget_at=NOW + 5, keep_after=KEEP)
    assert [entry.revocation for entry in entries] == [Revocation(Level.SESSION, "s-2", 0, NOW + 5)]


async def test_a_session_that_is_ended_again_and_again_is_one_entry(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    await open_session(store, await add_user(store))
    first = await store.revocations.end_session("s-1", forget_at=NOW + 5, keep_after=KEEP)
    before = await read_tables(database_url)
    for number in range(200):
        log = (store, other)[number % 2].revocations
        assert await log.end_session("s-1", forget_at=NOW + 5, keep_after=KEEP) == first
    assert await read_tables(database_url) == before
    assert len(before["revocations"]) == 1


@pytest.mark.parametrize(("later", "entries"), [(-1, 1), (0, 1), (1, 2)])
async def test_a_session_that_has_ended_is_refused_longer_by_a_token_that_lives_longer(
    store: SqlStore, later: int, entries: int
) -> None:
    await store.revocations.end_session("s-1", forget_at=NOW, keep_after=KEEP)
    await store.revocations.end_session("s-1", forget_at=NOW + later, keep_after=KEEP)
    assert len(await store.revocations.read_entries(0)) == entries


async def test_entries_of_other_levels_and_sessions_end_no_session(store: SqlStore) -> None:
    await store.revocations.revoke_token("s-1", forget_at=NOW + 9)
    await store.revocations.end_session("s-2", forget_at=NOW + 9, keep_after=KEEP)
    (entry,) = await store.revocations.end_session("s-1", forget_at=NOW, keep_after=KEEP)
    assert entry.revocation == Revocation(Level.SESSION, "s-1", 0, NOW)


async def test_a_row_that_came_back_ends_with_an_entry_of_its_own(store: SqlStore) -> None:
    """An entry that is not the row's own says nothing about how long its tokens live."""
    user = await add_user(store)
    await store.revocations.end_session("s-1", forget_at=NOW, keep_after=KEEP)
    await open_session(store, user, "s-1", tokens_until=NOW + 600)
    (entry,) = await store.revocations.end_session("s-1", forget_at=NOW, keep_after=KEEP)
    assert entry.revocation.forget_at == NOW + 600 + KEEP


async def test_all_sessions_of_a_user_end_and_their_epoch_moves(store: SqlStore) -> None:
    alice, bob = await add_user(store, "alice"), await add_user(store, "bob")
    for user, sid in ((alice, "s-1"), (alice, "s-2"), (bob, "s-3")):
        await open_session(store, user, sid)
    entries = await end_user(store, alice.id)
    assert [entry.revocation for entry in entries] == [
        Revocation(Level.USER, alice.id, NOW, NOW + DAY + KEEP)
    ]
    found = [await store.sessions.find_session(sid) is not None for sid in ("s-1", "s-2", "s-3")]
    assert found == [False, False, True]
    accounts = [await store.sessions.find_account(name) for name in ("alice", "bob")]
    assert [account.epoch for account in accounts if account] == [(0, NOW), (0, 0)]


async def test_nobody_has_no_sessions_to_end(store: SqlStore, database_url: str) -> None:
    await open_session(store, await add_user(store))
    before = await read_tables(database_url)
    with pytest.raises(NotFound, match="there is no such user"):
        await end_user(store, "alice")
    assert await read_tables(database_url) == before


async def test_everyones_sessions_end_and_the_entry_is_never_forgotten(
    store: SqlStore, database_url: str
) -> None:
    for name in ("alice", "bob"):
        await open_session(store, await add_user(store, name), f"s-{name}")
    revocations = [entry.revocation for _ in range(2) for entry in await end_everyone(store)]
    assert revocations == [
        Revocation(Level.EVERYONE, "", epoch, LATEST_DATE) for epoch in (NOW, NOW + 1)
    ]
    assert (await read_tables(database_url))["sessions"] == []
    assert len(await store.users.list_users()) == 2


@pytest.mark.parametrize("keep_after", [0, 10, KEEP])
@pytest.mark.parametrize("tokens_until", [None, NOW - 1, NOW + 600, NOW + DAY, NOW + DAY + 1])
async def test_a_moved_epoch_is_kept_as_long_as_any_token_that_was_sealed_with_the_old_one(
    store: SqlStore, tokens_until: int | None, keep_after: int
) -> None:
    """Also by a refresh that had read it and had not written its row yet."""
    user = await add_user(store)
    if tokens_until is not None:
        await open_session(store, user, tokens_until=tokens_until)
    event = AuditEvent(NOW, Action.USER_ENDED, OPERATOR, user.id)
    (entry,) = await store.revocations.end_user_sessions(
        user.id, event, keep_after=keep_after, personal_tokens=False
    )
    late_refresh = NOW + LONGEST_LIFE[TokenKind.ACCESS]
    assert entry.revocation.forget_at == max(tokens_until or 0, late_refresh) + keep_after


WRITES: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "token": lambda store: store.revocations.revoke_token("j-1", forget_at=NOW),
    "session": lambda store: store.revocations.end_session("s-1", forget_at=0, keep_after=KEEP),
    "user": lambda store: end_user(store, personal_tokens=True),
    "everyone": end_everyone,
    "change": lambda store: change_user(store, UserChange(disabled=True)),
    "removal": remove_user,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("table", ["outbox", "revocations"])
async def test_a_revocation_is_written_whole_or_not_at_all(
    store: SqlStore,
    database_url: str,
    table: str,
    write: Callable[[SqlStore], Awaitable[object]],
) -> None:
    """Change, epoch, entry and outbox: where one cannot be written, none is."""
    await open_session(store, await add_user(store))
    before = await read_tables(database_url)
    await run_sql(database_url, f"ALTER TABLE {table} RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await write(store)
    await run_sql(database_url, f"ALTER TABLE away RENAME TO {table}")
    assert await read_tables(database_url) == before
    await write(store)
    after = await read_tables(database_url)
    assert [len(after[name]) for name in ("revocations", "outbox")] == [1, 1]
