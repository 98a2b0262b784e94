"""The port ClientStore: two secrets of a program at once, and the end of one that leaked."""

import pytest

from sidecar.stores.sql import SqlStore
from tests.contracts.programs import (
    LATER,
    NEW,
    OLD,
    THIRD,
    actions,
    add,
    epoch_of,
    moved,
    rotate,
    secrets_of,
)

pytestmark = pytest.mark.asyncio


async def test_two_secrets_are_valid_and_the_third_drops_the_first(store: SqlStore) -> None:
    client = await add(store)
    assert await rotate(store, NEW) == ()
    assert await secrets_of(store) == (NEW, OLD)
    assert await rotate(store, THIRD) == ()
    assert await secrets_of(store) == (THIRD, NEW)
    account = await store.clients.find_client("App-reports")
    assert account is not None
    assert account.client == client  # nothing that anybody reads has changed, nor its version
    assert list(await store.revocations.read_entries(0)) == []
    assert await actions(store) == ["client.rotated", "client.rotated", "client.added"]


async def test_a_secret_that_leaked_is_dropped_with_what_it_was_exchanged_for(
    store: SqlStore,
) -> None:
    await add(store)
    await rotate(store, NEW)
    entries = await rotate(store, THIRD, drop=True)
    assert await secrets_of(store) == (THIRD,)
    assert [entry.revocation for entry in entries] == [moved(LATER)]
    assert list(await store.revocations.read_outbox()) == list(entries)
    assert await epoch_of(store) == (0, LATER)
