"""Rows of the audit trail, as the methods of a store write them."""

from sidecar.core.audit import Action, AuditEvent, AuditQuery, AuditRecord
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.audit import write_event


class UndoneError(Exception):
    """What makes a transaction fail."""


async def write_events(store: SqlStore, *events: AuditEvent) -> None:
    """Write events, each in a transaction of its own."""
    for event in events:
        async with store._database.write() as connection:
            await write_event(connection, event)


async def write_in_vain(store: SqlStore, event: AuditEvent) -> None:
    """Write an event in a transaction that fails then. Raises UndoneError."""
    async with store._database.write() as connection:
        await write_event(connection, event)
        raise UndoneError


async def read_told(store: SqlStore) -> list[AuditRecord]:
    """Return the trail, the newest first, without the people that a test begins with."""
    rows = await store.audit.read_events(AuditQuery(100))
    return [row for row in rows if row.action != Action.USER_ADDED]
