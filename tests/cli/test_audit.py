"""`sidecar audit`: the trail on the command line."""

import json
from pathlib import Path

import pytest

from sidecar.core.audit import OPERATOR, Action, AuditEvent, Device
from sidecar.stores.sql import open_store
from tests.cli.people import add_people
from tests.cli.running import sidecar, sidecar_each
from tests.contracts.trail import write_events

pytestmark = pytest.mark.asyncio

AT = 1_800_000_000  # 2027-01-15T08:00:00Z
REUSED = AuditEvent(
    at=AT,
    action=Action.SESSION_REUSED,
    actor="id-of-alice",
    subject="s-1",
    device=Device("203.0.113.7", "curl/8"),
    details={"who": "\u00e9\x1b[2J"},
)
ADDED = AuditEvent(AT + 1, Action.CLIENT_ADDED, OPERATOR, "exporter")


async def make_trail(folder: Path) -> None:
    """Make a database whose trail has two rows."""
    assert (await sidecar(folder, "user", "list")).status == 0
    async with open_store(f"sqlite:///{folder / 'data' / 'sidecar.db'}", outbox=False) as store:
        await write_events(store, REUSED, ADDED)


async def test_the_trail_is_printed_from_its_newest_end(tmp_path: Path) -> None:
    empty = await sidecar(tmp_path, "audit")
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    await make_trail(tmp_path)
    table, as_json = await sidecar_each(tmp_path, ("audit",), ("audit", "--json"))
    lines = [line.split("  ") for line in table.out.splitlines()]
    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["ID", "AT", "ACTION", "ACTOR", "SUBJECT", "ADDRESS", "USER_AGENT", "DETAILS"],
        ["2", "2027-01-15T08:00:01Z", "client.added", "operator", "exporter", "-", "-", "-"],
        [
            *("1", "2027-01-15T08:00:00Z", "session.reused", "id-of-alice", "s-1"),
            *("203.0.113.7", "curl/8", '{"who": "\\u00e9\\u001b[2J"}'),
        ],
    ]
    newest, first = json.loads(as_json.out)
    assert (newest["id"], newest["address"], newest["details"]) == (2, None, {})
    assert first["details"] == {"who": "\u00e9\x1b[2J"}


async def test_the_options_narrow_it(tmp_path: Path) -> None:
    await make_trail(tmp_path)
    calls = {
        ("--limit", "1"): [2],
        ("--before", "2"): [1],
        ("--before", "1"): [],
        ("--action", "session.reused"): [1],
        ("--actor", "operator"): [2],
        ("--actor", "oper"): [],
        ("--subject", "s-1"): [1],
        ("--subject", "s-1", "--actor", "operator"): [],
    }
    ran = await sidecar_each(tmp_path, *(("audit", "--json", *call) for call in calls))
    assert [[row["id"] for row in json.loads(each.out)] for each in ran] == list(calls.values())


async def test_people_are_named_by_their_names_too_but_an_id_of_a_row_comes_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "sidecar.yaml").touch()
    await add_people(tmp_path, {"alice": (), "s-1": (), "operator": (), "exporter": ()})
    async with open_store(f"sqlite:///{tmp_path / 'data' / 'sidecar.db'}", outbox=False) as store:
        (alice,) = [each for each in await store.users.list_users() if each.username == "alice"]
        ended = AuditEvent(AT, Action.SESSION_ENDED, alice.id, "s-1")
        await write_events(store, ended)
    calls = {
        ("--subject", "ALICE"): [("operator", alice.id)],
        ("--actor", "alice"): [(alice.id, "s-1")],
        ("--actor", alice.id): [(alice.id, "s-1")],
        ("--actor", "alice", "--subject", "alice"): [],
        ("--actor", "nobody"): [],
        ("--actor", "a b"): [],
        ("--subject", "s-1"): [(alice.id, "s-1")],
        ("--actor", "operator", "--subject", "alice"): [("operator", alice.id)],
    }
    ran = await sidecar_each(tmp_path, *(("audit", "--json", *call) for call in calls))
    told = [[(row["actor"], row["subject"]) for row in json.loads(each.out)] for each in ran]
    assert told == list(calls.values())
    table = await sidecar(tmp_path, "audit", "--actor", "alice")
    assert f"  alice ({alice.id})  s-1  " in table.out


async def test_what_it_cannot_look_for_is_said(tmp_path: Path) -> None:
    wrong = [
        ("--limit", "0"),
        ("--limit", "1001"),
        ("--limit", "x"),
        ("--before", "0"),
        ("--before", "9223372036854775808"),
        ("--action", "client"),
        ("--since", "1"),
        ("alice",),
    ]
    for ran in await sidecar_each(tmp_path, *(("audit", *call) for call in wrong)):
        assert (ran.status, ran.out, len(ran.problems)) == (2, "", 1), ran
    texts = [("--actor", ""), ("--actor", "a" * 65), ("--subject", "\udcff"), ("--subject", "a\n")]
    for ran in await sidecar_each(tmp_path, *(("audit", *call) for call in texts)):
        assert (ran.status, ran.out, len(ran.problems)) == (1, "", 1), ran
        assert "must be text of 1 to 64 characters" in ran.err
    assert not (tmp_path / "data").exists()
