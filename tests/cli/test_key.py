"""`sidecar key rotate` and `revoke`: what they say, what they leave, and what they refuse."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cli.running import Ran, sidecar
from tests.docs.markdown import ROOT
from tests.sources.keydirs import kid_of, names, put, put_key

pytestmark = pytest.mark.asyncio

NEVER_SIGNED = "A" * 43
# Private numbers of keys on P-256 whose kid begins with a dash (and holds an `h`), and with two.
DASHED = (328, 348)


async def rows(folder: Path) -> list[dict[str, Any]]:
    """Return what `key list --json` says."""
    ran = await sidecar(folder, "key", "list", "--json")
    assert (ran.status, ran.err) == (0, "")
    listed: list[dict[str, Any]] = json.loads(ran.out)
    return listed


async def states(folder: Path) -> dict[str, tuple[str, str, str]]:
    """Return purpose, algorithm and state of each key."""
    return {row["kid"]: (row["purpose"], row["alg"], row["state"]) for row in await rows(folder)}


async def rotate(folder: Path, *arguments: str) -> str:
    """Return the `kid` that it printed."""
    ran = await sidecar(folder, "key", "rotate", *arguments)
    assert ran.status == 0, ran.err
    (line,) = ran.problems
    assert line.startswith("signs from ")
    return ran.out.removesuffix("\n")


async def fail(folder: Path, *arguments: str) -> str:
    """Return the one line with which it exits 1."""
    ran: Ran = await sidecar(folder, "key", *arguments)
    assert (ran.status, ran.out) == (1, "")
    (line,) = ran.problems
    return line


async def test_the_next_key_is_published_at_once_and_signs_later(tmp_path: Path) -> None:
    kid = await rotate(tmp_path)
    found = await states(tmp_path)
    assert found[kid] == ("token", "RS256", "next")
    assert sorted(state for *_, state in found.values()) == ["active", "active", "next"]
    by_state = {(row["purpose"], row["state"]): row for row in await rows(tmp_path)}
    assert by_state["token", "active"]["sign_until"] == by_state["token", "next"]["not_before"]
    assert by_state["token", "next"]["kid"] == kid


async def test_a_second_one_is_refused_while_the_first_waits(tmp_path: Path) -> None:
    kid = await rotate(tmp_path)
    line = await fail(tmp_path, "rotate")
    assert line == (
        f"the next token key {kid} (RS256) is published already and waits for its time;"
        " --now brings it forward"
    )
    assert await fail(tmp_path, "rotate", "--now", "--alg", "ES256") == line
    assert await rotate(tmp_path, "--now") == kid
    assert len(await states(tmp_path)) == 3


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_a_key_of_each_algorithm_and_purpose(tmp_path: Path, alg: str) -> None:
    cookie = await rotate(tmp_path, "--alg", alg, "--purpose", "cookie")
    token = await rotate(tmp_path, "--alg", alg, "--now")
    found = await states(tmp_path)
    assert (found[token][:2], found[cookie]) == (("token", alg), ("cookie", alg, "next"))


async def test_a_revoked_key_is_one_for_good_and_the_next_takes_its_turn(tmp_path: Path) -> None:
    before = await rows(tmp_path)
    (kid,) = (row["kid"] for row in before if row["purpose"] == "token")
    ran = await sidecar(tmp_path, "key", "revoke", kid)
    assert (ran.status, ran.out, ran.err) == (0, "", "revoked\n")
    found = await states(tmp_path)
    assert found.pop(kid) == ("token", "RS256", "revoked")
    assert sorted(purpose for purpose, *_ in found.values()) == ["cookie", "token"]
    again = await sidecar(tmp_path, "key", "revoke", kid)
    assert (again.status, again.err) == (0, "revoked\n")
    assert len(await states(tmp_path)) == 3
    with sqlite3.connect(tmp_path / "data" / "sidecar.db") as database:
        actions = list(database.execute("SELECT action, actor, subject FROM audit ORDER BY id"))
    database.close()
    assert actions[0] == ("key.revoked", "operator", kid)
    assert [action for action, *_ in actions] == ["key.revoked", "key.rotated"]


@pytest.mark.parametrize("number", DASHED)
async def test_a_key_whose_kid_begins_with_a_dash_is_revoked_as_any_other(
    tmp_path: Path, number: int
) -> None:
    await rows(tmp_path)
    private = ec.derive_private_key(number, ec.SECP256R1())
    put_key(tmp_path / "keys", private)
    kid = kid_of(private)
    assert kid.startswith("-")
    assert kid in await states(tmp_path)
    ran = await sidecar(tmp_path, "key", "revoke", kid)
    assert (ran.status, ran.err) == (0, "revoked\n")
    assert (await states(tmp_path))[kid] == ("token", "ES256", "revoked")


@pytest.mark.parametrize(
    "kid", ["", NEVER_SIGNED, f"-{NEVER_SIGNED}", "../secret", "x" * 500, "%", "\udcff"]
)
async def test_a_key_that_nobody_knows_is_one_line(tmp_path: Path, kid: str) -> None:
    before = await states(tmp_path)
    assert await fail(tmp_path, "revoke", kid) == f"there is no key {kid!r}"
    assert await states(tmp_path) == before


async def test_a_key_is_revoked_although_the_directory_is_broken(tmp_path: Path) -> None:
    """The emergency comes first; that no next one can be made is said, and the exit code too."""
    (kid,) = (row["kid"] for row in await rows(tmp_path) if row["purpose"] == "token")
    broken = put(tmp_path / "keys" / "broken.pem", b"")
    ran = await sidecar(tmp_path, "key", "revoke", kid)
    assert ran.status == 1
    assert ran.problems == ["revoked", f"{broken}: is not a PKCS#8 private key (PEM)"]
    broken.unlink()
    assert (await states(tmp_path))[kid][2] == "revoked"


async def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    await rows(tmp_path)
    keys = tmp_path / "keys"
    (keys / ".lock").unlink()
    (keys / ".lock").mkdir()
    before = names(keys)
    assert await fail(tmp_path, "rotate") == f"{keys}: cannot make keys here: Is a directory"
    assert names(keys) == before


async def test_a_deployment_that_forgets_its_ring_makes_another(tmp_path: Path) -> None:
    """As docs/keys.md says for a directory that has leaked with its `secret`."""
    page = (ROOT / "docs/keys.md").read_text()
    (found,) = re.findall(r"`(DELETE FROM ring_keys;[^`]*)`", page)
    before = await states(tmp_path)
    secret = (tmp_path / "keys" / "secret").read_bytes()
    for name in names(tmp_path / "keys"):
        (tmp_path / "keys" / name).unlink()
    assert "has no `secret`" in await fail(tmp_path, "list")
    with closing(sqlite3.connect(tmp_path / "data" / "sidecar.db")) as database:
        database.executescript(found)
    after = await states(tmp_path)
    assert sorted(after.values()) == [("cookie", "RS256", "active"), ("token", "RS256", "active")]
    assert not before.keys() & after.keys()
    assert (tmp_path / "keys" / "secret").read_bytes() != secret


async def test_a_key_of_which_the_trail_cannot_tell_is_published_and_printed(
    tmp_path: Path,
) -> None:
    """Its files are there, and no second try would find that out."""
    await rows(tmp_path)
    database = sqlite3.connect(tmp_path / "data" / "sidecar.db", isolation_level=None)
    # As a full disk, or a lock that nobody gives back, has it behind the files.
    database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    database.close()
    ran = await sidecar(tmp_path, "key", "rotate")
    kid = ran.out.removesuffix("\n")
    assert (ran.status, (await states(tmp_path))[kid]) == (0, ("token", "RS256", "next"))
    (said, signs) = ran.problems
    assert said.startswith(f"the audit trail lacks the turn to key {kid}: ")
    assert signs.startswith("signs from ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("rotate", "--alg", "none"),
        ("rotate", "--alg", "rs256"),
        ("rotate", "--alg", "HS256"),
        ("rotate", "--purpose", "assertion"),
        ("rotate", "now"),
        ("revoke",),
        ("revoke", "one", "two"),
    ],
)
async def test_who_calls_it_wrongly_is_told_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = await sidecar(tmp_path, "key", *arguments)
    assert ran.status == 2
    assert names(tmp_path) == set()


async def test_keys_are_encrypted_with_the_passphrase_of_a_file(tmp_path: Path) -> None:
    put(tmp_path / "passphrase", b"a passphrase\n")
    environ = {"SIDECAR_KEYS__PASSPHRASE_FILE": "passphrase"}
    assert (await sidecar(tmp_path, "key", "list", environ=environ)).status == 0
    pems = {path: path.read_bytes() for path in (tmp_path / "keys").glob("*.pem")}
    assert len(pems) == 2
    assert all(pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") for pem in pems.values())
    without = await sidecar(tmp_path, "key", "list")
    assert without.status == 1
    assert without.problems == [
        f"{path}: is encrypted, and keys.passphrase_file is not set" for path in sorted(pems)
    ]
    put(tmp_path / "passphrase", b"another\n")
    wrong = await sidecar(tmp_path, "key", "list", environ=environ)
    assert wrong.status == 1
    assert all(str(tmp_path / "passphrase") in line for line in wrong.problems)
