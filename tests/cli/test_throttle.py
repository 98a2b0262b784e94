"""`sidecar throttle`: whose attempts count, and how they are forgotten."""

import json
from pathlib import Path

import pytest
import yaml

from sidecar.app.services import open_services
from sidecar.clock import read_clock
from sidecar.core.audit import Device
from sidecar.core.throttle import USER
from sidecar.credentials.buckets import KEY_USE, BucketNames
from sidecar.credentials.throttle import Admission, Throttle
from sidecar.settings import load_settings
from sidecar.sources.keyring import derive_key
from tests.cli.people import add_people
from tests.cli.running import sidecar, sidecar_each
from tests.programs.process import free_port
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

CAFE = "198.51.100.9"


async def guess(folder: Path, *attempts: tuple[str, str], logins: tuple[str, ...] = ()) -> None:
    """Count attempts of (name, address), as a process that serves does, and good logins."""
    settings = load_settings(folder / "sidecar.yaml", environ={}, flags={})
    async with open_services(settings) as services:
        await services.store.prepare_schema()
        key = derive_key((await services.open_ring()).secret, KEY_USE)
        names = BucketNames(key, logins_per_hour=settings.logins_per_hour)
        store = services.store
        throttle = Throttle(names, store.marks, store.throttle, services.redis_throttle)
        now = read_clock().unix  # one for all: at the next second those beyond need not wait
        for name, address in attempts:
            await throttle.admit(name, Device(address), None, now)
        for name in logins:
            admission = await throttle.admit(name, Device(CAFE), None, now)
            assert isinstance(admission, Admission)
            account = await store.sessions.find_account(name)
            user_id = "nobody" if account is None else account.user.id
            await throttle.welcome(admission, user_id, (0, 0), remembers=False)


async def list_throttle(folder: Path) -> list[dict[str, object]]:
    ran = await sidecar(folder, "throttle", "list", "--json")
    assert ran.status == 0, ran.err
    rows: list[dict[str, object]] = json.loads(ran.out)
    return rows


def write_settings(folder: Path, **sections: object) -> None:
    (folder / "sidecar.yaml").write_text(yaml.safe_dump(sections))


async def test_the_list_names_users_and_addresses_and_nothing_that_was_typed(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"alice": []})
    (empty,) = await sidecar_each(tmp_path, ("throttle", "list"))
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    guesses = [("ALICE", CAFE)] * (USER.free + 1)
    await guess(tmp_path, *guesses, ("hunter2", "2001:db8::1"), logins=("bob",))
    rows = await list_throttle(tmp_path)
    assert [(row["kind"], row["who"], row["address"], row["count"]) for row in rows] == [
        ("service", None, None, USER.free + 1),
        ("address", None, CAFE, USER.free),
        ("user", "alice", None, USER.free),
        ("address", None, "2001:db8::/64", 1),
        ("logins", "unknown", None, 1),
        ("user", "unknown", None, 1),
    ]
    assert all(str(row["last"]).endswith("Z") for row in rows)
    table = await sidecar(tmp_path, "throttle", "list")
    assert table.out.split()[:6] == ["KIND", "WHO", "ADDRESS", "COUNT", "LAST", "UNTIL"]
    assert "hunter2" not in table.out + json.dumps(rows)


async def test_a_known_device_is_listed_as_its_users(tmp_path: Path) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"alice": []})
    await guess(tmp_path, logins=("alice",))
    await guess(tmp_path, ("alice", CAFE))
    rows = await list_throttle(tmp_path)
    assert [(row["kind"], row["who"], row["address"]) for row in rows] == [
        ("address", None, CAFE),
        ("known", "alice", CAFE),
        ("logins", "alice", None),
    ]


async def test_clearing_a_name_an_address_or_all_forgets_just_that_and_is_audited(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"alice": []})
    await guess(tmp_path, ("alice", CAFE), ("bob", "203.0.113.7"))
    cleared = await sidecar(tmp_path, "throttle", "clear", "Alice")
    assert (cleared.status, cleared.out, cleared.err) == (0, "", "cleared: 1\n")
    assert {(row["kind"], row["who"]) for row in await list_throttle(tmp_path)} == {
        ("user", "unknown"),
        ("address", None),
        ("service", None),
    }
    by_address = await sidecar(tmp_path, "throttle", "clear", CAFE)
    assert by_address.status == 0
    addresses = {row["address"] for row in await list_throttle(tmp_path)}
    assert addresses == {None, "203.0.113.7"}
    unknown = await sidecar(tmp_path, "throttle", "clear", "bob")
    assert (unknown.status, unknown.err) == (0, "cleared: 1; there is no such user\n")
    assert (await sidecar(tmp_path, "throttle", "clear", "--all")).err == "cleared: 2\n"
    assert await list_throttle(tmp_path) == []
    audit = await sidecar(tmp_path, "audit", "--json", "--action", "throttle.cleared")
    rows = json.loads(audit.out)
    assert [row["actor"] for row in rows] == ["operator"] * 4
    everyone, unknown, address, alice = (row["subject"] for row in rows)
    assert (everyone, unknown, address) == ("everyone", "unknown", CAFE)
    assert alice == json.loads((await sidecar(tmp_path, "user", "show", "alice")).out)["id"]


@pytest.mark.parametrize("arguments", [(), ("alice", "--all"), ("alice", "bob")])
async def test_clear_is_told_of_one_name_or_all(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = await sidecar(tmp_path, "throttle", "clear", *arguments)
    assert ran.status == 2
    assert len(ran.problems) == 1


async def test_what_redis_counts_is_listed_and_cleared_too(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"alice": []})
    await guess(tmp_path, ("alice", CAFE))
    write_settings(tmp_path, redis={"url": redis_server.url})
    await guess(tmp_path, ("alice", CAFE), ("alice", CAFE), ("bob", CAFE))
    rows = await list_throttle(tmp_path)
    assert [(row["kind"], row["who"], row["count"]) for row in rows] == [
        ("address", None, 3),
        ("service", None, 3),
        ("user", "alice", 2),
        ("user", "unknown", 1),
    ]
    assert (await sidecar(tmp_path, "throttle", "clear", "--all")).err == "cleared: 7\n"
    assert await list_throttle(tmp_path) == []


@pytest.mark.parametrize("name", ["bbo", "no name at all"])
async def test_a_name_that_nobody_has_and_nobody_tried_is_a_mistake(
    tmp_path: Path, name: str
) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"bob": []})
    ran = await sidecar(tmp_path, "throttle", "clear", name)
    assert (ran.status, len(ran.problems)) == (1, 1)
    assert "there is no such user" in ran.err
    assert (await sidecar(tmp_path, "throttle", "clear", "bob")).err == "cleared: 0\n"


async def test_while_redis_is_away_what_the_database_counts_is_listed_and_cleared(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path)
    await add_people(tmp_path, {"alice": []})
    await guess(tmp_path, ("alice", CAFE))
    write_settings(tmp_path, redis={"url": f"redis://127.0.0.1:{free_port()}/0"})
    listed = await sidecar(tmp_path, "throttle", "list")
    assert (listed.status, len(listed.problems)) == (0, 1)
    assert listed.err.startswith("warning: what is counted in Redis is not listed: ")
    assert "alice" in listed.out
    cleared = await sidecar(tmp_path, "throttle", "clear", "alice")
    assert (cleared.status, len(cleared.problems)) == (1, 1)
    assert cleared.err.startswith("cleared in the database: 1; what Redis counted is not forgotten")
    assert "throttle.cleared" in (await sidecar(tmp_path, "audit")).out
    assert "alice" not in (await sidecar(tmp_path, "throttle", "list")).out
