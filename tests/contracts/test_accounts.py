"""People, as operators create, change and remove them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from sidecar.accounts import Accounts, NewUser, generate_password
from sidecar.core.audit import AuditQuery
from sidecar.core.revocation import Level
from sidecar.core.user import User
from sidecar.credentials.passwords import PasswordHasher
from sidecar.errors import LastAdministrator, NameTaken, NotFound
from sidecar.ports import Entry, UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import BY, KEEP, NOW, open_session, read_tables
from tests.programs.service import PASSWORD

pytestmark = pytest.mark.asyncio

ALICE = NewUser("alice", "alice@example.com", "Alice", ("staff",))
ROOT = NewUser("root", roles=("admin",))


class People:
    """The accounts of a store, and what they gave to be published."""

    def __init__(self, store: SqlStore, passwords: PasswordHasher) -> None:
        self.published: list[Entry] = []
        self.store = store
        self.passwords = passwords
        self.accounts = Accounts(
            store.users,
            store.sessions,
            passwords,
            self._publish,
            admin_role="admin",
            keep_after=KEEP,
        )

    async def _publish(self, entries: Sequence[Entry]) -> None:
        self.published += entries

    async def change(self, name: str, change: UserChange) -> User:
        user_id = (await self.accounts.show(name)).id
        return (await self.accounts.change(user_id, change, BY, NOW + 1, seen=None))[0]

    async def set_password(self, name: str, password: str) -> User:
        user_id = (await self.accounts.show(name)).id
        return await self.accounts.set_password(user_id, password, BY, NOW + 1)

    async def remove(self, name: str) -> None:
        user_id = (await self.accounts.show(name)).id
        await self.accounts.remove(user_id, BY, NOW + 1, seen=None)

    async def knows(self, username: str, password: str) -> bool:
        account = await self.store.sessions.find_account(username)
        assert account is not None
        with self.passwords.place() as check:
            return await check(password, account.password_hash)


@pytest_asyncio.fixture
async def people(store: SqlStore) -> AsyncIterator[People]:
    passwords = PasswordHasher()
    yield People(store, passwords)
    passwords.close()


async def test_somebody_new_is_kept_with_a_hash_of_their_password(
    people: People, database_url: str
) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    assert user == User(
        id=user.id,
        username="alice",
        email="alice@example.com",
        name="Alice",
        roles=("staff",),
        disabled=False,
        created_at=NOW,
        updated_at=NOW,
    )
    assert await people.accounts.show("alice") == user
    assert list(await people.accounts.list()) == [user]
    assert await people.knows("alice", PASSWORD)
    assert not await people.knows("alice", PASSWORD + " ")
    assert PASSWORD not in repr(await read_tables(database_url))


async def test_a_taken_name_is_refused(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    with pytest.raises(NameTaken):
        await people.accounts.add(NewUser("alice"), "another passphrase", BY, NOW)
    assert await people.accounts.show("alice") == user
    assert await people.knows("alice", PASSWORD)


async def test_an_id_is_never_given_out_again(people: People) -> None:
    first = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    await people.remove("alice")
    second = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    assert first.id != second.id


async def test_the_first_administrator_is_made_where_there_is_nobody(people: People) -> None:
    user = await people.accounts.add_first_administrator(ALICE, PASSWORD, NOW)
    assert user is not None
    assert user.roles == ("admin",)
    (row,) = await people.store.audit.read_events(AuditQuery(10))
    assert (row.action, row.actor, row.subject) == ("user.added", "service", user.id)
    assert await people.knows("alice", PASSWORD)
    assert await people.accounts.add_first_administrator(NewUser("eve"), PASSWORD, NOW) is None
    assert list(await people.accounts.list()) == [user]


async def test_no_first_administrator_is_made_where_there_is_anybody(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    await people.change("alice", UserChange(disabled=True))
    assert await people.accounts.add_first_administrator(NewUser("eve"), PASSWORD, NOW) is None
    assert [each.id for each in await people.accounts.list()] == [user.id]


async def test_of_two_first_administrators_at_once_one_is_made(
    people: People, other: SqlStore
) -> None:
    replica = People(other, people.passwords)
    made = await asyncio.gather(
        people.accounts.add_first_administrator(NewUser("one"), PASSWORD, NOW),
        replica.accounts.add_first_administrator(NewUser("two"), PASSWORD, NOW),
    )
    assert sum(user is not None for user in made) == 1
    assert list(await people.accounts.list()) == [user for user in made if user is not None]


async def test_nobody_can_be_shown_changed_or_removed(people: People) -> None:
    await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    accounts = people.accounts
    with pytest.raises(NotFound, match="there is no user 'bob'"):
        await accounts.show("bob")
    for work in (
        accounts.find("bob"),
        accounts.change("bob", UserChange(name="Bob"), BY, NOW, seen=None),
        accounts.set_password("bob", PASSWORD, BY, NOW),
        accounts.remove("bob", BY, NOW, seen=None),
    ):
        with pytest.raises(NotFound, match="there is no user with the id 'bob'"):
            await work
    assert people.published == []


async def test_a_change_is_published_and_one_of_nothing_is_not(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    assert await people.change("alice", UserChange(name="Alice")) == user
    assert people.published == []
    changed = await people.change("alice", UserChange(roles=()))
    assert (changed.roles, changed.updated_at) == ((), NOW + 1)
    assert people.published == list(await people.store.revocations.read_entries(0))
    assert [each.revocation.level for each in people.published] == [Level.USER]


async def test_a_new_password_replaces_the_old_and_ends_every_session(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    await open_session(people.store, user)
    await people.set_password("alice", "another passphrase")
    assert await people.knows("alice", "another passphrase")
    assert not await people.knows("alice", PASSWORD)
    assert await people.store.sessions.find_session("s-1") is None
    assert [each.revocation.subject for each in people.published] == [user.id]


async def test_the_same_password_set_again_ends_every_session_too(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    await open_session(people.store, user)
    await people.set_password("alice", PASSWORD)
    assert await people.store.sessions.find_session("s-1") is None
    assert len(people.published) == 1


async def test_a_removal_is_published(people: People) -> None:
    user = await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    await people.remove("alice")
    assert list(await people.accounts.list()) == []
    assert [each.revocation.subject for each in people.published] == [user.id]


async def test_the_last_administrator_stays_and_nothing_is_published(people: People) -> None:
    user = await people.accounts.add(ROOT, PASSWORD, BY, NOW)
    await people.accounts.add(ALICE, PASSWORD, BY, NOW)
    for work in (
        people.remove("root"),
        people.change("root", UserChange(disabled=True)),
        people.change("root", UserChange(roles=("staff",))),
    ):
        with pytest.raises(LastAdministrator):
            await work
    assert await people.accounts.show("root") == user
    assert people.published == []


async def test_a_generated_password_is_long_and_never_the_same() -> None:
    passwords = {generate_password() for _ in range(100)}
    assert len(passwords) == 100
    assert {len(password) for password in passwords} == {24}
