"""`sidecar token`: tokens that an operator gives people's scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.people import add_people
from tests.cli.running import Ran, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

SETTINGS = {"tokens": {"role_scopes": {"staff": ["orders:read", "orders:write"]}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with settings."""
    (tmp_path / "sidecar.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path


async def list_tokens(folder: Path, *names: str) -> list[dict[str, Any]]:
    ran = await sidecar(folder, "token", "list", *names, "--json")
    assert ran.status == 0, ran.err
    rows: list[dict[str, Any]] = json.loads(ran.out)
    return rows


async def add(folder: Path, *arguments: str) -> dict[str, Any]:
    ran = await sidecar(folder, "token", "add", *arguments, "--json")
    assert ran.status == 0, ran.err
    made: dict[str, Any] = json.loads(ran.out)
    return made


async def test_a_token_is_printed_once_and_listed_without_it(folder: Path) -> None:
    await add_people(folder, {"alice": ["staff"], "bob": []})
    plain = await sidecar(folder, "token", "add", "Alice", "--name", "git")
    assert plain.status == 0
    assert plain.out.startswith("sidecar_pat_")
    assert plain.out.count("\n") == 1
    assert "sidecar_pat_" not in plain.err
    words = ("--scope", "orders:read", "--scope", "orders:write", "--network", "10.0.0.0/8")
    made = await add(folder, "bob", "--name", "b", "--expires-in", "400d")
    assert made["networks"] is None
    full = await add(folder, "alice", "--name", "b", *words, "--network", "::1")
    assert made["token"].startswith("sidecar_pat_")
    assert full["scopes"] == ["orders:read", "orders:write"]
    assert full["networks"] == ["10.0.0.0/8", "::1/128"]
    rows = await list_tokens(folder)
    assert [row["owner"] for row in rows] == ["alice", "alice", "bob"]
    assert {row["id"] for row in await list_tokens(folder, "alice")} >= {full["id"]}
    assert [row["id"] for row in await list_tokens(folder, "BOB")] == [made["id"]]
    table = (await sidecar(folder, "token", "list")).out
    assert table.split()[:4] == ["ID", "OWNER", "NAME", "SCOPES"]
    assert "sidecar_pat_" not in table + json.dumps(rows)


async def test_a_token_is_removed_by_its_id(folder: Path) -> None:
    await add_people(folder, {"alice": []})
    first, second = [await add(folder, "alice", "--name", name) for name in ("a", "b")]
    gone = await sidecar(folder, "token", "remove", first["id"])
    assert (gone.status, gone.out) == (0, "")
    assert [row["id"] for row in await list_tokens(folder)] == [second["id"]]
    again, dashed = await sidecar_each(
        folder, ("token", "remove", first["id"]), ("token", "remove", "-u2Zh8wB7n1QaXyz")
    )
    for ran in (again, dashed):
        assert (ran.status, len(ran.problems)) == (1, 1)
        assert ran.problems[0].startswith("there is no personal token")
    trail = json.loads((await sidecar(folder, "audit", "--json")).out)
    told = [(row["action"], row["actor"]) for row in trail if row["action"] != "user.added"]
    assert told == [
        ("token.removed", "operator"),
        ("token.added", "operator"),
        ("token.added", "operator"),
    ]


def _forge(token: str) -> str:
    return f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"


async def test_revoke_takes_the_token_itself(folder: Path) -> None:
    await add_people(folder, {"alice": []})
    made, other = [await add(folder, "alice", "--name", name) for name in ("a", "b")]
    line = made["token"].encode()
    ran = await sidecar(folder, "revoke", "--token", "-", stdin=line)
    assert (ran.status, ran.out, ran.err) == (0, "", "revoked\n")
    assert [row["id"] for row in await list_tokens(folder)] == [other["id"]]
    again = await sidecar(folder, "revoke", "--token", "-", stdin=line)
    assert (again.status, again.problems[0][:28]) == (1, "there is no personal token '")
    forged = await sidecar(folder, "revoke", "--token", _forge(made["token"]))
    told = ["this is no personal token of this service"]
    assert (forged.status, forged.problems) == (1, told)


LIFE = "must be a duration such as 30d or 12h, at most 400d"
MISTAKES = [
    (("add", "nobody", "--name", "a"), 1, "there is no user 'nobody'"),
    (("add", "a b", "--name", "a"), 1, "there is no user 'a b'"),
    (("add", "gone", "--name", "a"), 1, "gone is disabled, or no more"),
    (("add", "alice", "--name", ""), 1, "name: must be 1 to 64"),
    (("add", "alice", "--name", "a", "--scope", "x"), 1, "scopes/0: is none of the owner's scopes"),
    (("add", "alice", "--name", "a", "--scope", "a b"), 1, "scopes/0: must be a scope"),
    (("add", "alice", "--name", "a", "--network", "10.0.0.1/8"), 1, "networks/0: must be"),
    (("add", "alice", "--name", "a", "--expires-in", "3600"), 1, f"expires_in: {LIFE}"),
    (("add", "alice", "--name", "a", "--expires-in", "400d1s"), 1, f"expires_in: {LIFE}"),
    (("add", "alice", "--name", "a", "--expires-in", "0s"), 1, f"expires_in: {LIFE}"),
    (("add", "alice"), 2, "--name"),
    (("add", "--name", "a"), 2, "NAME"),
    (("list", "nobody"), 1, "there is no user 'nobody'"),
    (("list", "alice", "bob"), 2, "unexpected extra argument"),
    (("remove",), 2, "ID"),
    (("frobnicate",), 2, "frobnicate"),
]


async def test_what_is_wrong_is_one_line(folder: Path) -> None:
    await add_people(folder, {"alice": ["staff"], "gone": []}, disabled=["gone"])
    ended: list[Ran] = await sidecar_each(folder, *(("token", *row[0]) for row in MISTAKES))
    for (words, status, told), ran in zip(MISTAKES, ended, strict=True):
        assert ran.status == status, (words, ran)
        assert (len(ran.problems), ran.out) == (1, ""), (words, ran)
        assert told in ran.problems[0], (words, ran.err)
    assert await list_tokens(folder) == []
