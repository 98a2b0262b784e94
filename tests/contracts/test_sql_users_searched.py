"""The port UserStore: people are found by a part of what they are called."""

from dataclasses import replace
from secrets import token_hex

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from sidecar.ports import UserChange
from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.search import SEARCH_INDEX
from sidecar.stores.sql.sqlite import make_place
from tests.contracts.sql_stores import BY, HASH, add_user, change_user, make_user, outside, run_sql
from tests.programs.postgres import OWNER, Postgres

pytestmark = pytest.mark.asyncio

PEOPLE = {
    "alice": ("Alice Liddell", "a.l@example.com"),
    "bob": ("B_b 100%", None),
    "\u00e9lise": (None, "ELISE@EXAMPLE.ORG"),
    "\u043c\u0438\u0440": ("\u041c\u0418\u0420 Stra\u00dfe\\", None),
}


async def find(store: SqlStore, q: str) -> list[str]:
    return [user.username for user in await store.users.read_users("", 100, q)]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", set(PEOPLE)),
        ("LIDD", {"alice"}),
        ("e", {"alice", "\u00e9lise", "\u043c\u0438\u0440"}),
        ("\u00c9LI", {"\u00e9lise"}),
        ("E\u0301LI", {"\u00e9lise"}),
        ("example.org", {"\u00e9lise"}),
        ("\u043c\u0418", {"\u043c\u0438\u0440"}),
        ("STRASSE", {"\u043c\u0438\u0440"}),
        ("%", {"bob"}),
        ("_", {"bob"}),
        ("100%", {"bob"}),
        ("b%b", set()),
        ("a_i", set()),
        ("\\", {"\u043c\u0438\u0440"}),
        ("/", set()),
        ("bobB", set()),
        ("'", set()),
    ],
)
async def test_a_part_is_found_whatever_its_case(store: SqlStore, q: str, found: set[str]) -> None:
    for username, (name, email) in PEOPLE.items():
        user = replace(make_user(username), name=name, email=email)
        await store.users.add_user(user, HASH, BY)
    assert set(await find(store, q)) == found


async def test_somebody_is_found_by_what_they_are_called_now(store: SqlStore) -> None:
    await add_user(store)
    await change_user(store, UserChange(username="zoe", name="Zoe", email=""))
    assert await find(store, "alice") == []
    assert await find(store, "ZOE") == ["zoe"]
    await change_user(store, UserChange(roles=("staff",)))
    assert await find(store, "zoe") == ["zoe"]


async def test_what_is_found_is_paged(store: SqlStore) -> None:
    for number in range(5):
        await add_user(store, f"user-{number}")
        await add_user(store, f"other-{number}")
    first = await store.users.read_users("", 2, "USER")
    assert [user.username for user in first] == ["user-0", "user-1"]
    rest = await store.users.read_users("user-1", 9, "USER")
    assert [user.username for user in rest] == ["user-2", "user-3", "user-4"]


async def migrate_to_0002(url: str) -> None:
    def migrate(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "sidecar.stores.sql:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    async with outside(url) as connection:
        await connection.run_sync(migrate)
        await connection.commit()


async def test_an_upgrade_writes_what_people_are_found_by_from_then_on(empty_url: str) -> None:
    add = sa.text(
        "INSERT INTO users (id, username, email, name, roles, disabled, password_hash, epoch,"
        " created_at, updated_at) VALUES (:username, :username, :email, :name, '[]', false, '-',"
        " 0, 1, 1)"
    )
    read = sa.text("SELECT username, search FROM users ORDER BY username")
    async with open_store(empty_url, outbox=False) as store:
        if store._database.is_sqlite:
            make_place(store._database.url)
        await migrate_to_0002(empty_url)
        async with outside(empty_url) as connection:
            for username, (name, email) in PEOPLE.items():
                await connection.execute(add, {"username": username, "name": name, "email": email})
            await connection.commit()
        await store.upgrade_schema()
        async with outside(empty_url) as connection:
            upgraded = (await connection.execute(read)).all()
        await run_sql(empty_url, "DELETE FROM users")
        for username, (name, email) in PEOPLE.items():
            user = replace(make_user(username), name=name, email=email)
            await store.users.add_user(user, HASH, BY)
        async with outside(empty_url) as connection:
            assert (await connection.execute(read)).all() == upgraded


async def test_postgresql_finds_people_by_an_index(postgres_url: str) -> None:
    async with open_store(postgres_url, outbox=False) as store, outside(postgres_url) as other:
        await add_user(store)
        await other.execute(sa.text("SET enable_seqscan = off"))
        plan = sa.text("EXPLAIN SELECT id FROM users WHERE search LIKE '%lice%'")
        assert SEARCH_INDEX in "\n".join((await other.execute(plan)).scalars())


@pytest.mark.parametrize("upgraded", [False, True])
async def test_where_the_index_cannot_be_made_the_same_people_are_found(
    postgres: Postgres, caplog: pytest.LogCaptureFixture, *, upgraded: bool
) -> None:
    url, role = postgres.make_database(), f"plain_{token_hex(6)}"
    await run_sql(url, f"CREATE ROLE {role} LOGIN", f"GRANT ALL ON SCHEMA public TO {role}")
    plain = url.replace(f"{OWNER}@", f"{role}@")
    if upgraded:
        await migrate_to_0002(plain)
    async with open_store(plain, outbox=False) as store:
        await store.upgrade_schema()
        assert "pg_trgm" in caplog.text
        await add_user(store)
        assert await find(store, "LIC") == ["alice"]
