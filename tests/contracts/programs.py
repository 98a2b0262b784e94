"""Programs, and what is done to them, as the use case has a store do it."""

from dataclasses import replace
from typing import Any

from sidecar.core.audit import OPERATOR, Action, AuditEvent, AuditQuery, Device
from sidecar.core.claims import DAY
from sidecar.core.client import Client
from sidecar.core.revocation import Level, Revocation
from sidecar.ports import ClientChange, Entry
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import KEEP, NOW

LATER = NOW + 60
DEVICE = Device("203.0.113.7", "curl")
OLD, NEW, THIRD = ("0" * 64, "1" * 64, "2" * 64)


def make_client(name: str = "reports", **changes: Any) -> Client:
    client = Client(f"App-{name}", name, ("a", "b"), ("api",), 0, NOW, NOW)
    return replace(client, **changes)


def event(action: Action, client_id: str = "App-reports", **details: object) -> AuditEvent:
    return AuditEvent(LATER, action, OPERATOR, client_id, DEVICE, details)


async def add(store: SqlStore, name: str = "reports", **changes: Any) -> Client:
    client = make_client(name, **changes)
    await store.clients.add_client(client, OLD, event(Action.CLIENT_ADDED, client.client_id))
    return client


async def change(
    store: SqlStore, change: ClientChange, *, seen: int | None = 0, client_id: str = "App-reports"
) -> tuple[Client, tuple[Entry, ...]]:
    told = event(Action.CLIENT_CHANGED, client_id)
    return await store.clients.change_client(client_id, change, told, seen=seen, keep_after=KEEP)


async def rotate(
    store: SqlStore, secret_hash: str, *, drop: bool = False, client_id: str = "App-reports"
) -> tuple[Entry, ...]:
    told = event(Action.CLIENT_ROTATED, client_id)
    return await store.clients.rotate_secret(
        client_id, secret_hash, told, drop_previous=drop, keep_after=KEEP
    )


async def remove(
    store: SqlStore, *, seen: int | None = None, client_id: str = "App-reports"
) -> tuple[Entry, ...]:
    told = event(Action.CLIENT_REMOVED, client_id)
    return await store.clients.remove_client(client_id, told, seen=seen, keep_after=KEEP)


async def secrets_of(store: SqlStore) -> tuple[str, ...]:
    account = await store.clients.find_client("App-reports")
    assert account is not None
    return account.secret_hashes


async def epoch_of(store: SqlStore) -> tuple[int, int]:
    account = await store.clients.find_client("App-reports")
    assert account is not None
    return account.epoch


async def actions(store: SqlStore) -> list[str]:
    return [each.action for each in await store.audit.read_events(AuditQuery(100))]


def moved(epoch: int) -> Revocation:
    """Return the entry that refuses what was sealed for the program before this epoch."""
    return Revocation(Level.USER, "App-reports", epoch, LATER + DAY + KEEP)
