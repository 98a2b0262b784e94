"""The audit trail: written beside what it tells, read from its newest end."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import AuditEvent, AuditQuery, AuditRecord, Device
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import audit


async def write_event(connection: AsyncConnection, event: AuditEvent) -> None:
    """Write an event within the caller's transaction: what it tells and the row are one."""
    await write_events(connection, [event])


async def write_events(connection: AsyncConnection, events: Sequence[AuditEvent]) -> None:
    """Write events, of which there is one at least, within the caller's transaction."""
    rows = [
        {
            "at": event.at,
            "action": event.action.value,
            "actor": event.actor,
            "subject": event.subject,
            "address": event.device.address,
            "user_agent": event.device.user_agent,
            "details": json.dumps(dict(event.details)),
        }
        for event in events
    ]
    await connection.execute(sa.insert(audit), rows)


class SqlAudit:
    """The port AuditStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_events(self, query: AuditQuery) -> Sequence[AuditRecord]:
        """Return the rows that the query asks for, the newest first."""
        rows = sa.select(audit).order_by(audit.c.id.desc()).limit(query.limit)
        if query.before is not None:
            rows = rows.where(audit.c.id < query.before)
        for column, wanted in (
            (audit.c.action, query.action and query.action.value),
            (audit.c.actor, query.actor),
            (audit.c.subject, query.subject),
        ):
            if wanted is not None:
                rows = rows.where(column == wanted)
        async with self._database.read() as connection:
            return [_read_record(row) for row in (await connection.execute(rows)).mappings()]


def _read_record(row: RowMapping) -> AuditRecord:
    return AuditRecord(
        id=row["id"],
        at=row["at"],
        action=row["action"],
        actor=row["actor"],
        subject=row["subject"],
        device=Device(row["address"], row["user_agent"]),
        details=json.loads(row["details"]),
    )
