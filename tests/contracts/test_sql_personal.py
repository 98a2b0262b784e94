"""The port PersonalTokenStore: who may have one, how many, and what goes with one."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from sidecar.core.audit import Action, AuditEvent, Device
from sidecar.core.personal import MOST_TOKENS, PersonalToken
from sidecar.core.revocation import Level, Revocation
from sidecar.core.user import User
from sidecar.errors import NotFound, StoreUnavailable, TooManyTokens
from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    change_user,
    end_everyone,
    open_session,
    read_tables,
    remove_user,
    run_sql,
)
from tests.contracts.trail import read_told

pytestmark = pytest.mark.asyncio

HASH = "0" * 64
DESK = Device("192.0.2.1", "desk/1")


def make_token(user: User, known_as: str = "t-1", **changes: Any) -> PersonalToken:
    token = PersonalToken(
        id=known_as,
        user_id=user.id,
        name="backup",
        scopes=("orders:read",),
        networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::1")),
        created_at=NOW,
        expires_at=NOW + 1000,
    )
    return replace(token, **changes)


def make_event(action: Action = Action.TOKEN_ADDED, subject: str = "t-1") -> AuditEvent:
    return AuditEvent(NOW, action, "u-1", subject, DESK)


async def add(
    store: SqlStore,
    token: PersonalToken,
    *,
    sid: str | None = None,
    epoch: tuple[int, int] | None = None,
) -> bool:
    event = make_event(subject=token.id)
    return await store.personal.add_token(token, HASH, event, sid=sid, epoch=epoch)


async def remove(
    store: SqlStore, known_as: str = "t-1", user_id: str | None = None
) -> list[Revocation]:
    event = make_event(Action.TOKEN_REMOVED, known_as)
    entries = await store.personal.remove_token(known_as, user_id, event, forget_at=NOW + 9)
    return [entry.revocation for entry in entries]


async def read_actions(store: SqlStore) -> list[tuple[str, str]]:
    """Return what the trail says, the newest first."""
    return [(each.action, each.subject) for each in await read_told(store)]


async def test_a_token_is_found_with_its_owner_of_today(store: SqlStore) -> None:
    user = await add_user(store, "alice", "staff")
    token = make_token(user)
    assert await add(store, token)
    change = UserChange(username="alicia", roles=("ops",))
    changed, _ = await change_user(store, change, at=NOW + 1)
    found = await store.personal.find_token("t-1")
    assert found is not None
    assert (found.token, found.token_hash) == (token, HASH)
    assert (found.owner, found.epoch) == (changed, (0, NOW + 1))


@pytest.mark.parametrize("token_id", ["t-2", "T-1", "", "t-1 ", "t" * 1000])
async def test_another_id_is_no_token(store: SqlStore, token_id: str) -> None:
    assert await add(store, make_token(await add_user(store)))
    assert await store.personal.find_token(token_id) is None


async def test_tokens_are_listed_by_owner_the_newest_first_without_expired_ones(
    store: SqlStore,
) -> None:
    bob, alice = await add_user(store, "bob"), await add_user(store, "alice")
    for owner, token_id, changes in (
        (alice, "old", {"created_at": NOW - 5}),
        (bob, "b", {}),
        (alice, "new", {}),
        (alice, "over", {"created_at": NOW - 9, "expires_at": NOW}),
        (alice, "ending", {"created_at": NOW - 7, "expires_at": NOW + 1}),
    ):
        assert await add(store, make_token(owner, token_id, **changes))
    listed = [each.token.id for each in await store.personal.list_tokens(alice.id, NOW)]
    assert listed == ["new", "old", "ending"]
    every = await store.personal.list_tokens(None, NOW)
    assert [each.token.id for each in every] == [*listed, "b"]
    assert [each.owner.username for each in every] == ["alice"] * 3 + ["bob"]
    assert await store.personal.list_tokens("id-of-nobody", NOW) == []


async def test_nobody_gets_a_token_for_who_is_gone_or_disabled(store: SqlStore) -> None:
    await add_user(store, "root", "admin")
    gone, disabled = await add_user(store, "gone"), await add_user(store, "off", disabled=True)
    await remove_user(store, "gone")
    for user in (gone, disabled):
        assert not await add(store, make_token(user))
        assert await store.personal.find_token("t-1") is None
    assert await read_actions(store) == [("user.removed", "id-of-gone")]


async def test_nobody_gets_a_token_in_a_session_that_has_ended_or_is_somebody_elses(
    store: SqlStore,
) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    for user, sid in ((alice, "ended"), (alice, "living"), (bob, "bobs")):
        await open_session(store, user, sid)
    await store.revocations.end_session("ended", forget_at=0, keep_after=KEEP)
    for sid in ("ended", "bobs", "unknown", ""):
        assert not await add(store, make_token(alice), sid=sid), sid
    assert await add(store, make_token(alice), sid="living")
    assert await read_actions(store) == [("token.added", "t-1")]


@pytest.mark.parametrize("moved", ["owner", "everyone"])
async def test_nobody_gets_a_token_that_was_asked_for_before_an_epoch_moved(
    store: SqlStore, moved: str
) -> None:
    """A session may go on behind it, as behind its owner's new password."""
    alice = await add_user(store)
    if moved == "owner":
        await change_user(store, UserChange(name="Alice B."))
    else:
        await end_everyone(store)
    await open_session(store, alice, "s-1")
    assert not await add(store, make_token(alice), sid="s-1", epoch=(0, 0))
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert await add(store, make_token(alice), sid="s-1", epoch=account.epoch)


async def test_a_person_has_at_most_so_many_tokens(store: SqlStore) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    for index in range(MOST_TOKENS):
        # The first one is over when the last is asked for, and counts no more.
        ends = NOW + 1 if index == 0 else NOW + 1000
        assert await add(store, make_token(alice, f"t-{index}", expires_at=ends))
    with pytest.raises(TooManyTokens):
        await add(store, make_token(alice, "one more"))
    assert await add(store, make_token(bob, "another's"))
    assert await add(store, make_token(alice, "later", created_at=NOW + 1))
    with pytest.raises(TooManyTokens):
        await add(store, make_token(alice, "one more", created_at=NOW + 1))
    assert await store.personal.find_token("one more") is None
    assert ("token.added", "one more") not in await read_actions(store)


async def test_the_bound_holds_however_many_ask_at_once(store: SqlStore, other: SqlStore) -> None:
    alice = await add_user(store)
    for index in range(MOST_TOKENS - 2):
        assert await add(store, make_token(alice, f"t-{index}"))
    results = await asyncio.gather(
        *(add((store, other)[index % 2], make_token(alice, f"late-{index}")) for index in range(6)),
        return_exceptions=True,
    )
    assert results.count(True) == 2
    assert [type(each) for each in results if each is not True] == [TooManyTokens] * 4
    assert len(await store.personal.list_tokens(alice.id, NOW)) == MOST_TOKENS


async def test_what_is_removed_is_refused_and_told_in_one_transaction(store: SqlStore) -> None:
    alice = await add_user(store)
    assert await add(store, make_token(alice))
    assert await remove(store, "t-1", alice.id) == [Revocation(Level.SESSION, "t-1", 0, NOW + 9)]
    assert await store.personal.find_token("t-1") is None
    told, _ = await read_told(store)
    assert (told.action, told.subject, told.device) == ("token.removed", "t-1", DESK)
    assert told.details == {"user_id": alice.id, "name": "backup"}
    assert [each.revocation.subject for each in await store.revocations.read_entries(0)] == ["t-1"]
    assert len(await store.revocations.read_outbox()) == 1


async def test_a_token_that_is_not_theirs_is_nobodys_to_remove(
    store: SqlStore, database_url: str
) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    assert await add(store, make_token(alice))
    before = await read_tables(database_url)
    for token_id, user_id in (("t-1", bob.id), ("t-2", alice.id), ("t-1", ""), ("t-2", None)):
        with pytest.raises(NotFound):
            await remove(store, token_id, user_id)
    assert await read_tables(database_url) == before


async def test_a_token_is_removed_once(store: SqlStore, other: SqlStore) -> None:
    assert await add(store, make_token(await add_user(store)))
    results = await asyncio.gather(
        *(remove(each) for each in (store, other)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["NotFound", "list"]
    assert [action for action, _ in await read_actions(store)] == ["token.removed", "token.added"]


@pytest.mark.parametrize("action", ["add", "remove"])
async def test_what_cannot_be_told_is_not_done(
    store: SqlStore, database_url: str, action: str
) -> None:
    alice = await add_user(store)
    assert await add(store, make_token(alice))
    await run_sql(database_url, "ALTER TABLE audit RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        await (add(store, make_token(alice, "t-2")) if action == "add" else remove(store))
    await run_sql(database_url, "ALTER TABLE elsewhere RENAME TO audit")
    listed = await store.personal.list_tokens(None, NOW)
    assert [each.token.id for each in listed] == ["t-1"]
    assert await store.revocations.read_entries(0) == []


async def test_what_is_over_is_purged_on_its_second(store: SqlStore) -> None:
    alice = await add_user(store)
    for seconds in (0, 1):
        token = make_token(alice, f"t-{seconds}", expires_at=NOW + seconds)
        assert await add(store, replace(token, created_at=NOW - 1))
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    assert await store.personal.find_token("t-0") is None
    assert await store.personal.find_token("t-1") is not None
