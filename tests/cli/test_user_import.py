"""`sidecar user import` and `export`: people are brought along, and taken away."""

import asyncio
import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import add_user, clean_environ, execute, sidecar
from tests.credentials.known import AUTHELIA, HTPASSWD, WERKZEUG
from tests.programs.commands import PROGRAM

pytestmark = pytest.mark.asyncio

PEOPLE = f"# staff\nalice:{HTPASSWD}\n\nbob:{WERKZEUG}\n"
USERS_FILE = f"""---
users:
  john:
    displayname: 'John Doe'
    password: '{AUTHELIA}'
    email: john@example.com
    groups: [admins, dev]
"""


async def read_users(folder: Path) -> list[dict[str, Any]]:
    ran = await sidecar(folder, "user", "list", "--json")
    assert ran.status == 0, ran.err
    rows: list[dict[str, Any]] = json.loads(ran.out)
    return rows


async def test_an_htpasswd_file_is_imported_once(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(PEOPLE)
    first = await sidecar(tmp_path, "user", "import", "htpasswd", "--role", "staff")
    assert (first.status, first.out, first.err) == (0, "", "2 added, 0 there already\n")
    before = await read_users(tmp_path)
    assert [(row["username"], row["roles"]) for row in before] == [
        ("alice", ["staff"]),
        ("bob", ["staff"]),
    ]
    again = await sidecar(tmp_path, "user", "import", "htpasswd", "--role", "staff")
    assert (again.status, again.err) == (0, "0 added, 2 there already\n")
    assert await read_users(tmp_path) == before


async def test_authelias_file_is_imported(tmp_path: Path) -> None:
    (tmp_path / "users.yml").write_text(USERS_FILE)
    assert (await sidecar(tmp_path, "user", "import", "users.yml")).status == 0
    (john,) = await read_users(tmp_path)
    assert (john["username"], john["name"], john["email"]) == (
        *("john", "John Doe", "john@example.com"),
    )
    assert john["roles"] == ["admins", "dev"]


async def test_what_is_exported_is_the_same_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    await add_user(here, "alice", "--role", "admin", "--email", "a@example.com", "--name", "\u00c9")
    await add_user(here, "bob")
    await sidecar(here, "user", "disable", "bob")
    exported = await sidecar(here, "user", "export")
    assert (exported.status, exported.err) == (0, "people written: 2\n")
    lines = [json.loads(line) for line in exported.out.splitlines()]
    users = await read_users(here)
    assert [
        {**user, "password_hash": line["password_hash"]}
        for user, line in zip(users, lines, strict=True)
    ] == lines
    imported = await sidecar(there, "user", "import", "-", stdin=exported.out.encode())
    assert (imported.status, imported.err) == (0, "2 added, 0 there already\n")
    assert await read_users(there) == users
    assert (await sidecar(there, "user", "export")).out == exported.out


async def test_an_export_is_a_new_file_for_nobody_else(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    ran = await sidecar(tmp_path, "user", "export", "--out", "people")
    assert (ran.status, ran.out, ran.err) == (0, "", "people written: 1\n")
    assert (tmp_path / "people").stat().st_mode & 0o777 == 0o600
    written = (tmp_path / "people").read_text()
    again = await sidecar(tmp_path, "user", "export", "--out", "people")
    assert (again.status, again.problems) == (1, ["people: File exists"])
    assert (await sidecar(tmp_path, "user", "export", "--out", "-")).out == written


async def test_an_export_makes_no_database(tmp_path: Path) -> None:
    ran = await sidecar(tmp_path, "user", "export")
    assert (ran.status, ran.out) == (1, "")
    assert not (tmp_path / "data").exists()


async def test_each_bad_line_is_told_and_the_others_are_imported(tmp_path: Path) -> None:
    lines = [
        "alice:plain",
        f"bob:{HTPASSWD}",
        "carol:$apr1$salt$hash",
        "nothing",
        f"BOB:{WERKZEUG}",
    ]
    (tmp_path / "htpasswd").write_text("\n".join(lines))
    ran = await sidecar(tmp_path, "user", "import", "htpasswd")
    assert (ran.status, ran.out) == (1, "")
    unknown = "is no hash of a known kind; a password itself is never taken over"
    weak = "is MD5 (apr1), which is too weak to be taken over: have them set another password"
    assert ran.problems == [
        f"htpasswd:1: password_hash: {unknown}",
        f"htpasswd:3: password_hash: {weak}",
        "htpasswd:4: the line has no colon between a name and a hash",
        "htpasswd:5: username: stands in line 2 already",
        "1 added, 0 there already",
        "htpasswd: left out: 4",
    ]
    assert [row["username"] for row in await read_users(tmp_path)] == ["bob"]


async def test_a_hash_is_never_told(tmp_path: Path) -> None:
    (tmp_path / "people").write_text('{"username": "a b", "password_hash": 12345678}\n')
    ran = await sidecar(tmp_path, "user", "import", "people")
    assert ran.status == 1
    assert "12345678" not in ran.err


async def test_no_terminal_obeys_what_stands_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "people").write_text(f"users:\n  \"\\e[2J\": {{password: '{AUTHELIA}'}}\n")
    ran = await sidecar(tmp_path, "user", "import", "people")
    assert ran.status == 1
    assert "\x1b" not in ran.err


async def test_a_dry_run_adds_nobody(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(PEOPLE)
    ran = await sidecar(tmp_path, "user", "import", "htpasswd", "--dry-run")
    assert (ran.status, ran.err) == (0, "2 would be added, 0 there already\n")
    assert await read_users(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("what is this", (), "people: its format is not clear: name it by --format"),
        ("", (), "people: its format is not clear: name it by --format"),
        ("users: [", (), "people:2: is not YAML: "),
        ("alice:x", ("--role", "a b"), "roles/0: must be 1 to 64"),
        ("alice:x", ("--format", "authelia"), "people:1: is no users file"),
        ("alice:x", ("--format", "jsonl"), "people:1: the line is not JSON in UTF-8"),
    ],
)
async def test_a_file_that_is_not_what_it_should_be_is_refused(
    tmp_path: Path, text: str, options: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "people").write_text(text)
    ran = await sidecar(tmp_path, "user", "import", "people", *options)
    assert (ran.status, ran.out) == (1, "")
    assert ran.problems[0].startswith(problem)


async def test_it_is_called_rightly(tmp_path: Path) -> None:
    missing = await sidecar(tmp_path, "user", "import", "missing")
    assert (missing.status, missing.problems) == (1, ["missing: No such file or directory"])
    folder = await sidecar(tmp_path, "user", "import", ".")
    assert (folder.status, folder.problems) == (1, [".: Is a directory"])
    wrong = await sidecar(tmp_path, "user", "import", "x", "--format", "ldif")
    assert wrong.status == 2


async def test_without_its_extra_a_bcrypt_hash_stops_the_import(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(PEOPLE)
    (tmp_path / "without" / "bcrypt").mkdir(parents=True)
    (tmp_path / "without" / "bcrypt" / "__init__.py").write_text(
        "raise ModuleNotFoundError('bcrypt')\n"
    )
    ran = await sidecar(
        *(tmp_path, "user", "import", "htpasswd"),
        environ={"PYTHONPATH": str(tmp_path / "without")},
    )
    assert ran.status == 1
    assert ran.problems == ["a bcrypt hash needs an extra: pip install 'sidecar-auth[bcrypt]'"]
    assert await read_users(tmp_path) == []


async def at_a_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command whose output is a terminal; return its status and what was shown."""
    ours, theirs = pty.openpty()
    shown = bytearray()
    ended = asyncio.Event()

    def read() -> None:
        try:
            shown.extend(os.read(ours, 65_536))
        except OSError:  # nobody holds the other end any more
            asyncio.get_running_loop().remove_reader(ours)
            ended.set()

    asyncio.get_running_loop().add_reader(ours, read)
    try:
        process = await asyncio.create_subprocess_exec(
            *(*PROGRAM, *arguments),
            cwd=folder,
            env=clean_environ({"TERM": "xterm"}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        async with asyncio.timeout(30):
            status = await process.wait()
            await ended.wait()
    finally:
        os.close(ours)
    return status, shown.decode()


async def test_a_terminal_is_shown_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(PEOPLE + "nothing\n")
    status, shown = await at_a_terminal(tmp_path, "user", "import", "htpasswd")
    assert status == 1
    assert "100%" in shown
    assert "\r\x1b[Khtpasswd:5: the line has no colon" in shown
    assert "2 added, 0 there already" in shown


async def test_no_terminal_is_shown_hashes_unasked(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    status, shown = await at_a_terminal(tmp_path, "user", "export")
    assert status == 2
    assert "$argon2id$" not in shown
    status, shown = await at_a_terminal(tmp_path, "user", "export", "--out", "-")
    assert (status, "$argon2id$" in shown) == (0, True)


async def test_a_closed_standard_input_is_one_line(tmp_path: Path) -> None:
    command = ("sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, "user", "import", "-")
    ran = await execute(tmp_path, command)
    assert (ran.status, ran.problems) == (1, ["standard input is closed"])
