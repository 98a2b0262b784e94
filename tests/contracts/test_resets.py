"""One-time links: the port ResetStore, and the use case on it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from sidecar.accounts.resets import Resets
from sidecar.core.audit import Action
from sidecar.core.revocation import Level
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import PasswordFault, PasswordRules
from sidecar.errors import NotFound, UserDisabled
from sidecar.ports import Entry, Reset
from sidecar.stores.sql import SqlStore
from tests.contracts.links import DESK, LINK, TTL, find, hash_of, spend
from tests.contracts.sql_stores import (
    BY,
    HASH,
    KEEP,
    NOW,
    REFRESH_TTL,
    add_tokens,
    add_user,
    open_session,
    read_tables,
)
from tests.contracts.trail import read_told
from tests.programs.service import PASSWORD

pytestmark = pytest.mark.asyncio


class Desk:
    """The one-time links of a store, and what they gave to be published."""

    def __init__(self, store: SqlStore, passwords: PasswordHasher) -> None:
        self.published: list[Entry] = []
        rules = PasswordRules(12, "http://localhost:8420")
        self.resets = Resets(
            store.resets,
            passwords,
            rules,
            self._publish,
            ttl=TTL,
            admin_role="admin",
            keep_after=KEEP,
        )

    async def _publish(self, entries: Sequence[Entry]) -> None:
        self.published += entries


@pytest_asyncio.fixture
async def desk(store: SqlStore) -> AsyncIterator[Desk]:
    passwords = PasswordHasher()
    yield Desk(store, passwords)
    passwords.close()


async def test_a_link_is_made_found_and_spent_once(store: SqlStore, desk: Desk) -> None:
    alice = await add_user(store)
    token, expires_at = await desk.resets.make(alice.id, BY, NOW)
    assert (len(token), expires_at) == (43, NOW + TTL)
    assert await desk.resets.find(token, NOW) == alice
    spent = await desk.resets.spend(token, PASSWORD, DESK, NOW + 5)
    assert spent == (await store.users.find_user(alice.id) or [None])[0]
    assert (await hash_of(store)).startswith("$argon2id$")
    assert [each.revocation.level for each in desk.published] == [Level.USER]
    assert await desk.resets.find(token, NOW + 5) is None
    assert await desk.resets.spend(token, PASSWORD, DESK, NOW + 5) is None


async def test_the_store_holds_nothing_that_could_be_shown(
    store: SqlStore, desk: Desk, database_url: str
) -> None:
    alice = await add_user(store)
    token, _ = await desk.resets.make(alice.id, BY, NOW)
    assert token not in repr(await read_tables(database_url))


async def test_a_spent_link_ends_all_that_was_theirs(store: SqlStore, database_url: str) -> None:
    alice = await add_user(store)
    bob = await add_user(store, "bob")
    await open_session(store, alice)
    await open_session(store, bob, "s-of-bob")
    await add_tokens(database_url, alice, "p-1", "p-2", expires_at=NOW + 86_400)
    assert await store.resets.put_reset(LINK, BY)
    spent = await store.resets.spend_reset(
        LINK.token_hash, "another hash", DESK, NOW + 7, admin_role="admin", keep_after=KEEP
    )
    assert spent is not None
    user, entries = spent
    assert (user.id, user.updated_at) == (alice.id, NOW + 7)
    refused = [(each.revocation.subject, each.revocation.epoch) for each in entries]
    assert refused == [(alice.id, NOW + 7)]
    assert await hash_of(store) == "another hash"
    tables = await read_tables(database_url)
    assert [row[0] for row in tables["sessions"]] == ["s-of-bob"]
    assert tables["personal_tokens"] == tables["resets"] == []


async def test_the_trail_says_who_made_a_link_and_from_where_it_was_spent(
    store: SqlStore, database_url: str
) -> None:
    alice = await add_user(store)
    await open_session(store, alice)
    await store.resets.put_reset(LINK, BY)
    await spend(store)
    told = [each for each in await read_told(store) if each.action.startswith("reset.")]
    spent, made = sorted(told, key=lambda each: -each.id)
    assert (made.action, made.actor, made.subject) == (Action.RESET_MADE, BY.actor, alice.id)
    assert made.details == {"expires_at": NOW + TTL}
    assert (spent.action, spent.actor, spent.device) == (Action.RESET_SPENT, alice.id, DESK)
    assert spent.details == {"sessions": 1, "personal_tokens": 0}


@pytest.mark.parametrize(("now", "good"), [(NOW + TTL - 1, True), (NOW + TTL, False)])
async def test_a_link_is_over_at_its_very_second(store: SqlStore, now: int, good: bool) -> None:
    await add_user(store)
    await store.resets.put_reset(LINK, BY)
    assert (await find(store, now) is not None) is good
    assert await spend(store, now=now) is good
    assert await hash_of(store) == ("another hash" if good else HASH)


async def test_the_newest_link_alone_counts(store: SqlStore, desk: Desk) -> None:
    alice = await add_user(store)
    first, _ = await desk.resets.make(alice.id, BY, NOW)
    second, _ = await desk.resets.make(alice.id, BY, NOW)
    assert await desk.resets.find(first, NOW) is None
    assert await desk.resets.spend(first, PASSWORD, DESK, NOW) is None
    assert await desk.resets.find(second, NOW) == alice


async def test_a_link_is_good_for_nobody_else(store: SqlStore, desk: Desk) -> None:
    alice, bob = await add_user(store), await add_user(store, "bob")
    token, _ = await desk.resets.make(alice.id, BY, NOW)
    await desk.resets.make(bob.id, BY, NOW)
    assert await desk.resets.spend(token, PASSWORD, DESK, NOW) is not None
    assert await hash_of(store, "bob") == HASH


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "A" * 42, "A" * 43, "A" * 44, "A" * 42 + "B", "A" * 43 + "=", "A" * 42 + "+"),
        *("\u00e9" * 43, "a" * 64, "A" * 100_000),
    ],
)
async def test_what_was_never_a_link_is_none(desk: Desk, text: str) -> None:
    assert await desk.resets.find(text, NOW) is None
    assert await desk.resets.spend(text, PASSWORD, DESK, NOW) is None


async def test_a_refused_password_leaves_the_link_good(store: SqlStore, desk: Desk) -> None:
    alice = await add_user(store)
    token, _ = await desk.resets.make(alice.id, BY, NOW)
    refused = {
        "short": PasswordFault.TOO_SHORT,
        "password1234": PasswordFault.COMMON,
        "alice-2024-alice": PasswordFault.OWN_NAME,
    }
    for password, fault in refused.items():
        assert await desk.resets.spend(token, password, DESK, NOW) is fault
    assert await hash_of(store) == HASH
    assert await desk.resets.spend(token, PASSWORD, DESK, NOW) is not None


async def test_a_disabled_or_removed_user_gets_no_link(store: SqlStore) -> None:
    await add_user(store, disabled=True)
    assert not await store.resets.put_reset(LINK, BY)
    with pytest.raises(NotFound):
        await store.resets.put_reset(Reset("id-of-nobody", "b" * 64, NOW, NOW + TTL), BY)
    told = [each.action for each in await read_told(store)]
    assert Action.RESET_MADE not in told


async def test_whoever_asks_is_told_that_a_user_is_disabled(store: SqlStore, desk: Desk) -> None:
    alice = await add_user(store, disabled=True)
    with pytest.raises(UserDisabled):
        await desk.resets.make(alice.id, BY, NOW)


async def test_of_two_at_once_on_two_replicas_one_spends_it(
    store: SqlStore, other: SqlStore
) -> None:
    await add_user(store)
    await store.resets.put_reset(LINK, BY)
    spent = await asyncio.gather(*(spend(each) for each in (store, other) * 4))
    assert sum(spent) == 1
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert account.epoch == (0, NOW)


async def test_of_two_who_spend_it_at_once_one_is_told_that_it_is_over(
    store: SqlStore, desk: Desk
) -> None:
    alice = await add_user(store)
    token, _ = await desk.resets.make(alice.id, BY, NOW)
    told = await asyncio.gather(*(desk.resets.spend(token, PASSWORD, DESK, NOW) for _ in range(2)))
    assert sum(each is None for each in told) == 1


async def test_of_two_links_made_at_once_one_counts(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    await add_user(store)
    links = [Reset("id-of-alice", f"{n}" * 64, NOW, NOW + TTL) for n in range(8)]
    made = (
        each.resets.put_reset(link, BY)
        for each, link in zip((store, other) * 4, links, strict=True)
    )
    assert all(await asyncio.gather(*made))
    assert len((await read_tables(database_url))["resets"]) == 1


async def test_what_is_over_is_swept(store: SqlStore, database_url: str) -> None:
    await add_user(store)
    await store.resets.put_reset(LINK, BY)
    await store.sweep.purge(NOW + TTL - 1, refresh_ttl=REFRESH_TTL)
    assert len((await read_tables(database_url))["resets"]) == 1
    await store.sweep.purge(NOW + TTL, refresh_ttl=REFRESH_TTL)
    assert (await read_tables(database_url))["resets"] == []
