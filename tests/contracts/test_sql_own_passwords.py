"""The port OwnPasswordStore: another password, and one session that goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from sidecar.core.audit import Author, Device
from sidecar.core.revocation import Level, Revocation
from sidecar.core.session import Session, SessionKind, turn_session
from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, Entry, UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    add_tokens,
    add_user,
    change_user,
    end_everyone,
    end_user,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)
from tests.contracts.trail import read_told

pytestmark = pytest.mark.asyncio

LATER = NOW + 60
DAY = 86_400
OTHER = "$other"
PHONE = Device("203.0.113.7", "phone")
ALICE = Author("id-of-alice", PHONE)


async def begin(store: SqlStore, **session: object) -> tuple[Account, Session]:
    """Return alice, who has a session and is as her password has just been proved."""
    kept = await open_session(store, await add_user(store), "kept", **session)
    account = await store.sessions.find_account("alice")
    assert account is not None
    return account, kept


def succeed(kept: Session) -> Session:
    turned = turn_session(kept, LATER, access=600, grace=30)
    return replace(turned, used_at=LATER, device=PHONE)


async def change(
    store: SqlStore, account: Account, kept: Session, password_hash: str = OTHER
) -> tuple[Entry, ...] | None:
    return await store.own_passwords.change_own_password(
        account, password_hash, ALICE, kept, succeed(kept), keep_after=KEEP
    )


async def test_the_row_of_the_kept_session_is_its_successors(store: SqlStore) -> None:
    account, kept = await begin(store)
    entries = await change(store, account, kept)
    assert entries is not None
    assert [each.revocation for each in entries] == [
        Revocation(Level.USER, account.user.id, LATER, LATER + DAY + KEEP)
    ]
    found = await store.sessions.find_session("kept")
    assert found is not None
    assert found[0] == succeed(kept)
    assert (found[0].generation, found[0].tokens_until) == (1, LATER + 630)
    assert (found[1].password_hash, found[1].epoch) == ("$other", (0, LATER))
    assert found[1].user == replace(account.user, updated_at=LATER)


async def test_a_session_that_goes_on_under_another_name_ends_under_the_old_one(
    store: SqlStore, database_url: str
) -> None:
    """Its tokens are refused as long as the last of them could live."""
    account, kept = await begin(store, kind=SessionKind.COOKIE)
    successor = replace(kept, sid="anew", used_at=LATER, device=PHONE)
    entries = await store.own_passwords.change_own_password(
        account, OTHER, ALICE, kept, successor, keep_after=KEEP
    )
    assert entries is not None
    assert [each.revocation for each in entries] == [
        Revocation(Level.USER, account.user.id, LATER, LATER + DAY + KEEP),
        Revocation(Level.SESSION, "kept", 0, kept.tokens_until + KEEP),
    ]
    assert await store.sessions.find_session("kept") is None
    found = await store.sessions.find_session("anew")
    assert found is not None
    assert found[0] == successor
    assert [row[0] for row in (await read_tables(database_url))["sessions"]] == ["anew"]
    (row,) = await read_told(store)
    assert row.details == {"sessions": 0, "personal_tokens": 0}


async def test_all_else_of_that_person_ends_and_nothing_of_others(
    store: SqlStore, database_url: str
) -> None:
    account, kept = await begin(store)
    bob = await add_user(store, "bob")
    for sid in ("s-1", "s-2"):
        await open_session(store, account.user, sid)
    await open_session(store, bob, "of-bob")
    await add_tokens(database_url, account.user, "t-1", "t-2", "t-3")
    await add_tokens(database_url, bob, "t-of-bob")
    await run_sql(
        database_url,
        "INSERT INTO resets (user_id, token_hash, made_by, created_at, expires_at)"
        " VALUES ('id-of-alice', 'x', 'operator', 1, 1), ('id-of-bob', 'y', 'operator', 1, 1)",
    )
    assert await change(store, account, kept) is not None
    tables = await read_tables(database_url)
    assert {row[0] for row in tables["sessions"]} == {"kept", "of-bob"}
    assert {row[0] for row in tables["personal_tokens"]} == {"t-of-bob"}
    assert {row[0] for row in tables["resets"]} == {"id-of-bob"}
    (row,) = await read_told(store)
    assert (row.at, row.action, row.actor, row.subject, row.device) == (
        *(LATER, "user.password", "id-of-alice", "id-of-alice", PHONE),
    )
    assert row.details == {"sessions": 2, "personal_tokens": 3}


MEANWHILE: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "other roles": lambda store: change_user(store, UserChange(roles=("x",))),
    "another password": lambda store: change_user(store, UserChange(password_hash="$x")),
    "disabled": lambda store: change_user(store, UserChange(disabled=True)),
    "removed": remove_user,
    "ended": end_user,
    "everyone": end_everyone,
    "the session ended": lambda store: store.revocations.end_session(
        "kept", forget_at=0, keep_after=KEEP
    ),
    "the session turned": lambda store: store.sessions.rotate_session(
        "kept", 0, rotated_at=NOW, tokens_until=NOW, device=PHONE
    ),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
async def test_what_is_not_as_it_was_seen_is_left_as_it_is(
    store: SqlStore, database_url: str, meanwhile: Callable[[SqlStore], Awaitable[object]]
) -> None:
    account, kept = await begin(store)
    await meanwhile(store)
    before = await read_tables(database_url)
    assert await change(store, account, kept) is None
    assert await read_tables(database_url) == before


async def test_nobody_keeps_somebody_elses_session(store: SqlStore, database_url: str) -> None:
    account, _ = await begin(store)
    other = await open_session(store, await add_user(store, "bob"), "of-bob")
    before = await read_tables(database_url)
    assert await change(store, account, other) is None
    assert await read_tables(database_url) == before


async def test_of_many_at_once_one_changes_the_password(store: SqlStore, other: SqlStore) -> None:
    account, kept = await begin(store)
    changes = [change((store, other)[n % 2], account, kept, f"$hash-{n}") for n in range(10)]
    results = await asyncio.gather(*changes)
    (won,) = [n for n, entries in enumerate(results) if entries is not None]
    found = await store.sessions.find_account("alice")
    assert found is not None
    assert found.password_hash == f"$hash-{won}"
    assert len(await read_told(store)) == 1


async def test_a_refresh_at_the_same_moment_spends_one_generation_once(
    store: SqlStore, other: SqlStore
) -> None:
    account, kept = await begin(store)
    turned, entries = await asyncio.gather(
        other.sessions.rotate_session(
            "kept", 0, rotated_at=NOW, tokens_until=NOW + 600, device=PHONE
        ),
        change(store, account, kept),
    )
    assert turned is (entries is None)
    found = await store.sessions.find_session("kept")
    assert found is not None
    assert found[0].generation == 1


async def test_where_the_trail_cannot_be_written_nothing_is_changed(
    store: SqlStore, database_url: str
) -> None:
    account, kept = await begin(store)
    await open_session(store, account.user, "s-1")
    before = await read_tables(database_url)
    await run_sql(database_url, "ALTER TABLE audit RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await change(store, account, kept)
    await run_sql(database_url, "ALTER TABLE away RENAME TO audit")
    assert await read_tables(database_url) == before
