"""`sidecar policy who`: the users who may make a request, and what else they need for it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from sidecar.accounts.people import PAGE
from tests.cli.people import add_people
from tests.cli.policies import APP, write_policy
from tests.cli.running import Ran, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS: Final = "a login by one of otp; a login that is at most so old: 15m"


def _rows(ran: Ran) -> list[tuple[str, list[str]]]:
    assert ran.status == 0, ran.err
    rows: list[dict[str, Any]] = json.loads(ran.out)
    return [(row["username"], row["needs"]) for row in rows]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a policy and people, of whom carol is disabled."""
    made = write_policy(tmp_path_factory.mktemp("people"))
    people = {"alice": ["guest"], "bob": ["staff"], "carol": ["staff"], "root": ["admin"]}
    await add_people(made, people, disabled=["carol"])
    return made


async def test_who_may_is_listed_and_what_they_need_beside_it(folder: Path) -> None:
    open_to_all, home, read, write, admin, mine, nowhere, malformed = await sidecar_each(
        folder,
        *(
            ("policy", "who", *call.split(" "), "--json")
            for call in (
                *(f"GET {APP}/public/", f"GET {APP}/home/", f"GET {APP}/orders/1"),
                *(f"PUT {APP}/orders/1", f"GET {APP}/admin/", f"GET {APP}/mine/"),
                *(f"GET {APP}/nowhere", f"GET {APP}//"),
            )
        ),
    )
    everybody: list[tuple[str, list[str]]] = [("alice", []), ("bob", []), ("root", [])]
    assert _rows(open_to_all) == everybody
    assert open_to_all.problems == ["anyone may, also who is not signed in"]
    assert (_rows(home), home.err) == (everybody, "")
    assert _rows(read) == [("alice", []), ("bob", [])]
    assert _rows(write) == [("bob", [])]
    assert _rows(admin) == [("root", NEEDS.split("; "))]
    assert _rows(mine) == [("alice", [])]
    assert (_rows(nowhere), nowhere.problems) == ([], ["nobody may: no_rule"])
    assert (_rows(malformed), malformed.problems) == ([], ["nobody may: path_ambiguous"])


async def test_what_is_said_of_them_has_to_be_enough(folder: Path) -> None:
    otp, password, old, young, inside, outside, anywhere = await sidecar_each(
        folder,
        *(
            ("policy", "who", "GET", *call.split(" "), "--json")
            for call in (
                f"{APP}/admin/ --amr otp",
                f"{APP}/admin/ --amr pwd",
                f"{APP}/admin/ --auth-age 1h",
                f"{APP}/admin/ --amr otp --auth-age 15m",
                f"{APP}/inside/ --address 10.0.0.1",
                f"{APP}/inside/ --address 11.0.0.1",
                f"{APP}/inside/",
            )
        ),
    )
    assert _rows(otp) == [("root", ["a login that is at most so old: 15m"])]
    assert _rows(password) == []
    assert _rows(old) == []
    assert _rows(young) == [("root", [])]
    assert _rows(inside) == [("bob", [])]
    assert _rows(outside) == []
    assert _rows(anywhere) == [("bob", ["an address in one of 10.0.0.0/8"])]


async def test_it_is_a_table_for_a_person(folder: Path) -> None:
    admin, nobody, wrong = await sidecar_each(
        folder,
        ("policy", "who", "GET", f"{APP}/admin/"),
        ("policy", "who", "GET", f"{APP}/nowhere"),
        ("policy", "who", "GET", "/nowhere"),
    )
    assert [line.split() for line in admin.out.splitlines()] == [
        ["USERNAME", "ROLES", "NEEDS"],
        [
            "root",
            "admin",
            *[
                "a",
                "login",
                "by",
                "one",
                "of",
                "otp;",
                "a",
                "login",
                "that",
                "is",
                "at",
                "most",
                "so",
                "old:",
                "15m",
            ],
        ],
    ]
    assert (nobody.status, nobody.out) == (0, "")
    assert (wrong.status, wrong.out, len(wrong.problems)) == (2, "", 1)


async def test_users_of_several_pages_are_each_listed_once(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("hosts: {a.test: [{path: /**, allow: signed-in}]}\n")
    (tmp_path / "sidecar.yaml").write_text("{}")
    await add_people(tmp_path, {"u": []})
    with closing(sqlite3.connect(tmp_path / "data" / "sidecar.db")) as database, database:
        for number in range(2 * PAGE):
            database.execute(
                "INSERT INTO users (id, username, roles, disabled, password_hash, epoch,"
                " created_at, updated_at) SELECT ?, ?, roles, disabled, password_hash, epoch,"
                " created_at, updated_at FROM users WHERE username = 'u'",
                (f"id-{number}", f"v{number:05}"),
            )
    ran = await sidecar(tmp_path, "policy", "who", "GET", "https://a.test/", "--json")
    expected = ["u", *(f"v{number:05}" for number in range(2 * PAGE))]
    assert [name for name, _ in _rows(ran)] == expected


async def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    ran = await sidecar(write_policy(tmp_path), "policy", "who", "GET", f"{APP}/home/")
    database = tmp_path / "data" / "sidecar.db"
    assert (ran.status, ran.out, ran.problems) == (
        1,
        "",
        [f"there is no database {database} (database.url): name the settings of the service"],
    )
    assert not (tmp_path / "data").exists()
