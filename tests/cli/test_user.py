"""`sidecar user`: from the first administrator to the last."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import PASSWORD, add_user, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

NOBODY = ["there is no user 'nobody'"]


async def _read_trail(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((await sidecar(folder, "audit", "--json")).out)
    return rows


async def _show(folder: Path, name: str) -> dict[str, Any]:
    ran = await sidecar(folder, "user", "show", name)
    assert ran.status == 0, ran.err
    user: dict[str, Any] = json.loads(ran.out)
    return user


async def test_people_are_added_listed_and_shown(tmp_path: Path) -> None:
    empty = await sidecar(tmp_path, "user", "list")
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    assert (await sidecar(tmp_path, "user", "list", "--json")).out == "[]\n"

    arguments = ("--role", "staff", "--role", "admin", "--email", "a@example.com")
    added = await sidecar(
        tmp_path,
        *("user", "add", "Alice", "--password-stdin", *arguments, "--name", "\u00c9lise"),
        stdin=f"{PASSWORD}\nnot read\n".encode(),
    )
    assert (added.status, added.out, added.problems) == (0, "", ["added alice"])

    made = await sidecar(tmp_path, "user", "add", "bob", "--generate", "--email", "")
    assert (made.status, made.problems) == (0, ["added bob"])
    assert len(made.out.removesuffix("\n")) >= 20

    listed = await sidecar(tmp_path, "user", "list")
    assert listed.out.splitlines() == [
        "USERNAME  NAME   EMAIL          ROLES        DISABLED",
        "alice     \u00c9lise  a@example.com  admin,staff  no",
        "bob       -      -              -            no",
    ]
    alice = await _show(tmp_path, "ALICE")
    assert list(alice) == [
        *("id", "username", "email", "name", "roles", "disabled", "created_at", "updated_at")
    ]
    assert alice["roles"] == ["admin", "staff"]
    bob = await _show(tmp_path, "bob")
    assert (bob["email"], bob["name"], bob["roles"]) == (None, None, [])
    rows = await sidecar(tmp_path, "user", "list", "--json")
    assert json.loads(rows.out) == [alice, bob]


async def test_people_are_changed_disabled_and_removed(tmp_path: Path) -> None:
    await add_user(tmp_path, "root", "--role", "admin")
    await add_user(tmp_path, "alice", "--role", "staff", "--email", "a@example.com", "--name", "A")

    changed = await sidecar(
        tmp_path, "user", "set", "alice", "--role", "ops", "--role", "dev", "--username", "Alicia"
    )
    alicia = json.loads(changed.out)
    assert (alicia["username"], alicia["roles"]) == ("alicia", ["dev", "ops"])
    assert (alicia["email"], alicia["name"]) == ("a@example.com", "A")

    cleared = await sidecar(
        tmp_path, "user", "set", "alicia", "--role", "", "--email", "", "--name", ""
    )
    alicia = json.loads(cleared.out)
    assert (alicia["roles"], alicia["email"], alicia["name"]) == ([], None, None)

    disabled = await sidecar(tmp_path, "user", "disable", "alicia")
    assert json.loads(disabled.out)["disabled"] is True
    enabled = await sidecar(tmp_path, "user", "enable", "alicia")
    assert json.loads(enabled.out)["disabled"] is False

    passwd = await sidecar(
        tmp_path, "user", "passwd", "alicia", "--password-stdin", stdin=b"another passphrase\r\n"
    )
    assert (passwd.status, passwd.problems) == (0, ["changed the password of alicia"])
    generated = await sidecar(tmp_path, "user", "passwd", "alicia", "--generate")
    assert len(generated.out.removesuffix("\n")) >= 20

    removed = await sidecar(tmp_path, "user", "remove", "Alicia")
    assert (removed.status, removed.out, removed.problems) == (0, "", ["removed alicia"])
    gone = await sidecar(tmp_path, "user", "show", "alicia")
    assert (gone.status, gone.problems) == (1, ["there is no user 'alicia'"])

    trail = [row for row in await _read_trail(tmp_path) if row["subject"] == alicia["id"]]
    assert {row["actor"] for row in trail} == {"operator"}
    was = {"username": "alice", "roles": ["staff"]}
    assert [row["action"] for row in trail] == [
        *("user.removed", "user.password", "user.password", *["user.changed"] * 4, "user.added"),
    ]
    assert trail[-2]["details"] == {
        "before": was,
        "after": {"username": "alicia", "roles": ["dev", "ops"]},
    }
    assert trail[-4]["details"]["after"] == {"disabled": True}
    assert "another passphrase" not in repr(trail)


async def test_the_last_administrator_stays(tmp_path: Path) -> None:
    await add_user(tmp_path, "root", "--role", "admin")
    before = await _show(tmp_path, "root")
    attempts = [("remove",), ("disable",), ("set", "--role", ""), ("set", "--role", "ops")]
    for ran in await sidecar_each(tmp_path, *(("user", *each, "root") for each in attempts)):
        assert (ran.status, ran.out) == (1, "")
        assert ran.problems == ["root is the last administrator"]
    assert await _show(tmp_path, "root") == before
    await add_user(tmp_path, "second", "--role", "admin")
    assert (await sidecar(tmp_path, "user", "remove", "root")).status == 0


async def test_who_is_not_there_is_named(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    attempts = [
        ("show", "nobody"),
        ("set", "nobody", "--name", "N"),
        ("disable", "nobody"),
        ("remove", "nobody"),
        ("passwd", "nobody", "--generate"),
    ]
    for ran in await sidecar_each(tmp_path, *(("user", *each) for each in attempts)):
        assert (ran.status, ran.out, ran.problems) == (1, "", NOBODY)
    odd = await sidecar(tmp_path, "user", "show", "a b\n")
    assert (odd.status, odd.problems) == (1, ["there is no user 'a b\\n'"])


async def test_every_wrong_field_is_a_line_and_nothing_is_written(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    ran = await sidecar(
        tmp_path,
        *("user", "add", "a b", "--role", "ok", "--role", "not ok", "--email", "x"),
        *("--name", " A", "--generate"),
    )
    assert (ran.status, ran.out) == (1, "")
    assert [line.partition(":")[0] for line in ran.problems] == [
        *("username", "email", "name", "roles/1")
    ]
    taken = await sidecar(tmp_path, "user", "add", "ALICE", "--generate")
    assert (taken.status, taken.out) == (1, "")
    assert taken.problems == ["the username 'alice' is taken"]
    changed = await sidecar(tmp_path, "user", "set", "alice", "--email", "x", "--username", "a:b")
    assert [line.partition(":")[0] for line in changed.problems] == ["username", "email"]
    listed = json.loads((await sidecar(tmp_path, "user", "list", "--json")).out)
    assert [(user["username"], user["email"]) for user in listed] == [("alice", None)]


TOO_SHORT = "a password must have 12 to 256 characters"
EASY = "a password is too easy to guess: it is common, or follows a pattern"
OWN_NAME = "a password is little more than a name of the account or of this service"
UNREADABLE = "a password must not have control characters"
NOT_UTF8 = "standard input is not UTF-8"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", TOO_SHORT),
        (b"\n", TOO_SHORT),
        (b"eleven char\n", TOO_SHORT),
        (b"x" * 257 + b"\n", TOO_SHORT),
        (b"password1234\n", EASY),
        (b"qwertyuiop12\n", EASY),
        (b"Alice-2024!!\n", OWN_NAME),
        (b"x" * 1_000_000, "standard input has a line of more than 4096 octets"),
        (b"twelve chars\xff\n", NOT_UTF8),
        (b"twelve chars\xed\xa0\x80\n", NOT_UTF8),  # a surrogate, which is no character
        (b"twelve chars\x00\n", UNREADABLE),
        (b"twelve\tchars\n", UNREADABLE),
        (b"twelve chars\x7f\n", UNREADABLE),
        (b"twelve chars\r\r\n", UNREADABLE),
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_a_password_that_nobody_could_log_in_with_is_refused(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    ran = await sidecar(tmp_path, "user", "add", "alice", "--password-stdin", stdin=line)
    assert (ran.status, ran.out, ran.problems) == (1, "", [problem])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "password",
    [
        "twelve chars",
        "twelve chars" + 244 * "x",
        "\u5c71\u5ddd\u8349\u6728\u96e8\u98a8\u82b1\u9ce5\u6708\u5149\u6d77\u7a7a",
    ],
)
async def test_a_password_is_counted_in_characters(tmp_path: Path, password: str) -> None:
    line = password.encode()
    ran = await sidecar(tmp_path, "user", "add", "alice", "--password-stdin", stdin=line)
    assert (ran.status, ran.err) == (0, "added alice\n")


async def test_how_long_a_password_must_be_is_a_setting(tmp_path: Path) -> None:
    environ = {"SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH": "20"}
    ran = await sidecar(
        tmp_path, "user", "add", "a", "--password-stdin", stdin=b"x" * 19, environ=environ
    )
    assert (ran.status, ran.problems) == (1, ["a password must have 20 to 256 characters"])
