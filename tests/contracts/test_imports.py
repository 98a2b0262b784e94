"""The port ImportStore, and the use case on it: batches of people from elsewhere."""

import asyncio
import io
from dataclasses import replace

import pytest

from sidecar.accounts.imports import Import, Taken, walk_newcomers
from sidecar.core.audit import Action, AuditQuery
from sidecar.core.user import User
from sidecar.errors import MissingExtra
from sidecar.ports import Differs, Newcomer, Outcome, UserChange
from sidecar.schemas.people import PeopleFormat, dump_person, read_people
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import (
    BY,
    HASH,
    NOW,
    add_user,
    change_user,
    make_user,
    read_tables,
    remove_user,
)
from tests.credentials.known import AUTHELIA, HTPASSWD, WERKZEUG

pytestmark = pytest.mark.asyncio


def newcomer(name: str = "alice", *roles: str, known: bool = False) -> Newcomer:
    return Newcomer(make_user(name, *roles), WERKZEUG, known=known)


async def add(store: SqlStore, *newcomers: Newcomer) -> list[Outcome | Differs]:
    return list(await store.imports.add_newcomers(newcomers, "jsonl", BY, NOW))


async def take(
    store: SqlStore,
    text: str,
    *,
    form: PeopleFormat = PeopleFormat.HTPASSWD,
    roles: tuple[str, ...] = (),
    dry: bool = False,
) -> Taken:
    """Import a file in one batch."""
    people = list(read_people(io.BytesIO(text.encode()), form, "people"))
    return await Import(store.imports, form, roles, BY, dry=dry).take(people, NOW)


async def names_of(store: SqlStore) -> list[str]:
    return [each.username for each in await store.users.list_users()]


async def test_a_batch_is_kept_with_its_hashes_and_told(store: SqlStore) -> None:
    alice, bob = newcomer("alice", "staff"), newcomer("bob")
    assert await add(store, alice, bob) == [Outcome.ADDED, Outcome.ADDED]
    assert [each async for each in walk_newcomers(store.imports)] == [
        replace(alice, known=True),
        replace(bob, known=True),
    ]
    assert await store.users.read_users("", 10, "Alice@") == [alice.user]  # and is found
    rows = await store.audit.read_events(AuditQuery(10))
    assert [(row.action, row.subject, row.at) for row in rows] == [
        (Action.USER_ADDED, bob.user.id, NOW),
        (Action.USER_ADDED, alice.user.id, NOW),
    ]
    assert rows[1].details == {
        "after": {
            "username": "alice",
            "email": "alice@example.com",
            "name": "Alice",
            "roles": ["staff"],
            "disabled": False,
        },
        "source": "jsonl",
    }


async def test_the_same_again_changes_nothing(store: SqlStore, database_url: str) -> None:
    await add(store, newcomer("alice"), newcomer("bob", known=True))
    before = await read_tables(database_url)
    again = replace(newcomer("alice"), user=replace(make_user("alice"), id="drawn-anew"))
    assert await add(store, again, newcomer("bob", known=True)) == [Outcome.THERE, Outcome.THERE]
    assert await read_tables(database_url) == before


@pytest.mark.parametrize(
    ("differing", "fields"),
    [
        (replace(newcomer(), password_hash=AUTHELIA), ("password_hash",)),
        (newcomer("alice", "staff"), ("roles",)),
        (replace(newcomer(), user=replace(make_user(), email=None)), ("email",)),
        (replace(newcomer(), user=replace(make_user(), name="Another")), ("name",)),
        (replace(newcomer(), user=replace(make_user(), disabled=True)), ("disabled",)),
        (Newcomer(replace(make_user(), id="another-id"), WERKZEUG, known=True), ("id",)),
        (
            Newcomer(
                User("b", "alice", None, None, ("x",), disabled=True, created_at=1, updated_at=1),
                *(HASH, True),
            ),
            ("id", "email", "name", "roles", "disabled", "password_hash"),
        ),
    ],
    ids=["hash", "roles", "email", "name", "disabled", "id", "all"],
)
async def test_whoever_differs_is_left_as_they_are(
    store: SqlStore, database_url: str, differing: Newcomer, fields: tuple[str, ...]
) -> None:
    await add(store, newcomer())
    before = (await read_tables(database_url))["users"]
    assert await add(store, differing, newcomer("bob")) == [Differs(fields), Outcome.ADDED]
    assert before[0] in (await read_tables(database_url))["users"]


async def test_an_id_belongs_to_one_person(store: SqlStore) -> None:
    await add(store, newcomer("alice", known=True))
    thief = Newcomer(replace(make_user("bob"), id="id-of-alice"), WERKZEUG, known=True)
    assert await add(store, thief) == [Outcome.ID_TAKEN]
    assert await names_of(store) == ["alice"]


async def test_an_id_that_comes_back_begins_where_it_ended(store: SqlStore) -> None:
    await add_user(store, "root", "admin")
    await add_user(store)
    await change_user(store, UserChange(name="Alicia"))
    await remove_user(store)
    assert await add(store, newcomer(known=True)) == [Outcome.ADDED]
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert account.epoch == (0, NOW + 1)  # tokens of before stay refused, and new ones are good


async def test_two_imports_at_once_add_everybody_once(store: SqlStore, other: SqlStore) -> None:
    batches = [[newcomer(f"user{n}") for n in range(start, start + 40)] for start in (0, 20, 0, 20)]
    outcomes = await asyncio.gather(
        *(add(each, *batch) for each, batch in zip((store, other) * 2, batches, strict=True))
    )
    assert sum(each.count(Outcome.ADDED) for each in outcomes) == 60
    assert sum(each.count(Outcome.THERE) for each in outcomes) == 100
    assert len(await names_of(store)) == 60


async def test_comparing_writes_nothing(store: SqlStore, database_url: str) -> None:
    await add(store, newcomer("alice"))
    before = await read_tables(database_url)
    compared = await store.imports.compare_newcomers(
        [newcomer("alice"), newcomer("bob"), newcomer("alice", "staff")]
    )
    assert list(compared) == [Outcome.THERE, Outcome.ADDED, Differs(("roles",))]
    assert await read_tables(database_url) == before


async def test_another_hash_of_the_same_password_moves_nothing(
    store: SqlStore, database_url: str
) -> None:
    alice = await add_user(store)
    before = await read_tables(database_url)
    await store.sessions.replace_hash(alice.id, "not this one", "new")
    await store.sessions.replace_hash("id-of-nobody", HASH, "new")
    assert await read_tables(database_url) == before
    await store.sessions.replace_hash(alice.id, HASH, "new")
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert (account.user, account.password_hash, account.epoch) == (alice, "new", (0, 0))
    after = await read_tables(database_url)
    assert {name: rows for name, rows in after.items() if name != "users"} == {
        name: rows for name, rows in before.items() if name != "users"
    }


async def test_lines_that_are_wrong_leave_the_others_alone(store: SqlStore) -> None:
    await add_user(store, "taken")
    lines = [
        f"alice:{HTPASSWD}",
        "bob:$apr1$x$y",
        f"a b:{HTPASSWD}",
        "nothing",
        f"ALICE:{WERKZEUG}",
        f"taken:{HTPASSWD}",
        f"carol:{WERKZEUG}",
    ]
    taken = await take(store, "\n".join(lines))
    assert (taken.added, taken.there) == (2, 0)
    assert [(line, problem.partition(":")[0]) for line, problem in taken.problems] == [
        (2, "password_hash"),
        (3, "username"),
        (4, "the line has no colon between a name and a hash"),
        (5, "username"),
        (6, "username"),
    ]
    assert taken.problems[3][1] == "username: stands in line 1 already"
    assert await names_of(store) == ["alice", "carol", "taken"]


async def test_everybody_is_given_the_roles_beside_their_own(store: SqlStore) -> None:
    line = f'{{"username":"alice","roles":["ops","dev"],"password_hash":"{WERKZEUG}"}}'
    form = PeopleFormat.JSONL
    assert (await take(store, line, form=form, roles=("staff", "ops"))).added == 1
    assert (await store.users.list_users())[0].roles == ("dev", "ops", "staff")
    assert (await take(store, line, form=form, roles=("staff", "ops"))).there == 1
    problems = (await take(store, line, form=form, roles=("other",))).problems
    assert problems == ((1, "username: is there already, with other roles"),)
    other = line.replace(WERKZEUG, AUTHELIA).replace('"roles"', '"name":"Al","roles"')
    assert (await take(store, other, form=form, roles=("staff",))).problems == (
        (1, "username: is there already, with another name, another hash of a password"),
    )
    crowded = await take(
        store, line.replace("alice", "bob"), form=form, roles=tuple(f"r{n}" for n in range(300))
    )
    assert crowded.problems[0][1].startswith("roles: must be ")


async def test_an_id_stands_once_in_a_file(store: SqlStore) -> None:
    line = '{{"username":"{}","id":"aaaaaaaaaaaaaaaa","password_hash":"{}"}}'
    text = "\n".join(line.format(name, WERKZEUG) for name in ("alice", "bob"))
    taken = await take(store, text, form=PeopleFormat.JSONL)
    assert taken.problems == ((2, "id: stands twice in this file"),)


async def test_a_dry_run_says_what_would_happen(store: SqlStore, database_url: str) -> None:
    await add_user(store, "taken")
    before = await read_tables(database_url)
    text = f"alice:{WERKZEUG}\ntaken:{WERKZEUG}\nbob:plain"
    taken = await take(store, text, dry=True)
    assert (taken.added, [line for line, _ in taken.problems]) == (1, [2, 3])
    assert await read_tables(database_url) == before


async def test_without_its_extra_bcrypt_stops_the_import(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bcrypt", None)
    with pytest.raises(MissingExtra):
        await take(store, f"alice:{WERKZEUG}\nbob:{HTPASSWD}")
    assert await names_of(store) == []


async def test_who_was_taken_away_comes_back_the_same(store: SqlStore) -> None:
    people = [
        replace(make_user("alice", "admin", "staff"), id="a" * 22, updated_at=NOW + 9),
        replace(make_user("bob"), id="b-_" * 6, email=None, name=None, disabled=True),
        replace(make_user("\u03b1\u03bb\u03af\u03ba\u03b7"), id="c" * 64, name='"\\ A \U0001f40c'),
    ]
    text = "\n".join(dump_person(user, WERKZEUG) for user in people)
    taken = await take(store, text, form=PeopleFormat.JSONL)
    assert (taken.added, taken.problems) == (3, ())
    kept = [each async for each in walk_newcomers(store.imports)]
    assert kept == [Newcomer(user, WERKZEUG, known=True) for user in people]
