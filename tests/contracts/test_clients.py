"""The port ClientStore: programs, and what a change of them takes away."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sidecar.core.audit import OPERATOR, Action, AuditQuery
from sidecar.errors import NameTaken, NotFound, VersionMismatch
from sidecar.ports import ClientChange
from sidecar.stores.sql import SqlStore
from tests.contracts.programs import (
    DEVICE,
    LATER,
    NEW,
    OLD,
    actions,
    add,
    change,
    epoch_of,
    event,
    moved,
    remove,
    rotate,
    secrets_of,
)
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    end_everyone,
    read_tables,
)

pytestmark = pytest.mark.asyncio

CHANGES = [
    (ClientChange(name="other"), {"name": "other"}),
    (ClientChange(scopes=("c",)), {"scopes": ("c",)}),
    (ClientChange(scopes=()), {"scopes": ()}),
    (ClientChange(audience=("files", "api")), {"audience": ("files", "api")}),
]
SAME = [
    ClientChange(),
    ClientChange(name="reports"),
    ClientChange(scopes=("a", "b")),
    ClientChange(name="reports", scopes=("a", "b"), audience=("api",)),
]


async def test_a_program_is_found_as_it_was_added(store: SqlStore, other: SqlStore) -> None:
    client = await add(store)
    account = await other.clients.find_client("App-reports")
    assert account is not None
    assert (account.client, account.secret_hashes, account.epoch) == (client, (OLD,), (0, 0))
    assert OLD not in repr(account)
    assert await other.clients.find_client_id("reports") == "App-reports"


@pytest.mark.parametrize("client_id", ["App-other", "reports", "app-reports", "", "App-report%"])
async def test_who_was_not_added_is_not_found(
    store: SqlStore, database_url: str, client_id: str
) -> None:
    await add(store)
    before = await read_tables(database_url)
    assert await store.clients.find_client(client_id) is None
    for work in (
        change(store, ClientChange(name="x"), client_id=client_id),
        rotate(store, NEW, client_id=client_id),
        rotate(store, NEW, drop=True, client_id=client_id),
        remove(store, client_id=client_id),
    ):
        with pytest.raises(NotFound):
            await work
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("name", ["App-reports", "Reports", "report", ""])
async def test_a_name_is_found_letter_by_letter(store: SqlStore, name: str) -> None:
    await add(store)
    assert await store.clients.find_client_id(name) is None


async def test_programs_are_read_by_name_page_by_page(store: SqlStore) -> None:
    assert list(await store.clients.read_clients("", 10)) == []
    made = [await add(store, name) for name in ("c", "a", "d", "b")]
    by_name = sorted(made, key=lambda client: client.name)
    assert list(await store.clients.read_clients("", 10)) == by_name
    assert list(await store.clients.read_clients("", 2)) == by_name[:2]
    assert list(await store.clients.read_clients("b", 2)) == by_name[2:]
    assert list(await store.clients.read_clients("bb", 10)) == by_name[2:]
    assert list(await store.clients.read_clients("d", 10)) == []


async def test_a_name_is_taken_once(store: SqlStore, database_url: str) -> None:
    await add(store)
    await add(store, "second")
    before = await read_tables(database_url)
    with pytest.raises(NameTaken):
        await add(store, client_id="App-other")
    with pytest.raises(NameTaken):
        await change(store, ClientChange(name="reports"), client_id="App-second")
    assert await read_tables(database_url) == before


async def test_of_two_that_take_a_name_at_once_one_gets_it(
    store: SqlStore, other: SqlStore
) -> None:
    ended = await asyncio.gather(
        *(add(each, client_id=f"App-{n}") for n, each in enumerate((store, other) * 3)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in ended) == ["Client"] + ["NameTaken"] * 5
    assert await actions(store) == ["client.added"]


@pytest.mark.parametrize(("wanted", "members"), CHANGES)
async def test_a_change_moves_the_epoch_and_is_written_down(
    store: SqlStore, wanted: ClientChange, members: dict[str, Any]
) -> None:
    client = await add(store)
    changed, entries = await change(store, wanted)
    assert changed == replace(client, **members, epoch=LATER, updated_at=LATER)
    assert [entry.revocation for entry in entries] == [moved(LATER)]
    assert list(await store.revocations.read_entries(0)) == list(entries)
    assert list(await store.revocations.read_outbox()) == list(entries)
    assert await epoch_of(store) == (0, LATER)
    assert await secrets_of(store) == (OLD,)
    assert await actions(store) == ["client.changed", "client.added"]


@pytest.mark.parametrize("same", SAME)
async def test_a_change_that_changes_nothing_does_nothing(
    store: SqlStore, database_url: str, same: ClientChange
) -> None:
    client = await add(store)
    before = await read_tables(database_url)
    assert await change(store, same) == (client, ())
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("seen", [0, 2, -1])
async def test_what_was_changed_meanwhile_is_left_as_it_is(
    store: SqlStore, database_url: str, seen: int
) -> None:
    await add(store)
    await change(store, ClientChange(name="second"))
    before = await read_tables(database_url)
    with pytest.raises(VersionMismatch):
        await change(store, ClientChange(name="third"), seen=seen)
    with pytest.raises(VersionMismatch):
        await remove(store, seen=seen)
    assert await read_tables(database_url) == before


async def test_of_many_changes_of_one_version_one_is_made(store: SqlStore, other: SqlStore) -> None:
    await add(store)
    ended = await asyncio.gather(
        *(change(each, ClientChange(name=f"n-{n}")) for n, each in enumerate((store, other) * 4)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, tuple) for each in ended) == 1
    assert sum(isinstance(each, VersionMismatch) for each in ended) == 7
    assert await epoch_of(store) == (0, LATER)


async def test_who_has_seen_no_version_changes_any(store: SqlStore) -> None:
    await add(store)
    await change(store, ClientChange(name="second"))
    changed, _ = await change(store, ClientChange(name="third"), seen=None)
    assert (changed.name, changed.epoch) == ("third", LATER + 1)


@pytest.mark.parametrize("seen", [None, 0])
async def test_a_removed_program_is_gone_and_its_tokens_are_refused(
    store: SqlStore, other: SqlStore, seen: int | None
) -> None:
    await add(store)
    entries = await remove(store, seen=seen)
    assert [entry.revocation for entry in entries] == [moved(LATER)]
    assert list(await other.revocations.read_entries(0)) == list(entries)
    assert list(await other.revocations.read_outbox()) == list(entries)
    assert await other.clients.find_client("App-reports") is None
    assert await actions(store) == ["client.removed", "client.added"]
    with pytest.raises(NotFound):
        await remove(store)
    await add(store, client_id="App-again")  # the name is free


async def test_the_epoch_of_everyone_is_read_with_the_program(store: SqlStore) -> None:
    await add(store)
    await end_everyone(store)
    assert await epoch_of(store) == (NOW, 0)


async def test_the_trail_says_who_did_it_and_from_where(store: SqlStore) -> None:
    await add(store)
    told = event(Action.CLIENT_CHANGED, name="second", scopes=("c",))
    await store.clients.change_client(
        "App-reports", ClientChange(name="second"), told, seen=0, keep_after=KEEP
    )
    record = (await store.audit.read_events(AuditQuery(1)))[0]
    assert (record.actor, record.subject, record.at) == (OPERATOR, "App-reports", LATER)
    assert record.device == DEVICE
    assert record.details == {"name": "second", "scopes": ["c"]}
