"""Programs and their secrets."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import AuditEvent
from sidecar.core.claims import LONGEST_LIFE, TokenKind
from sidecar.core.client import Client
from sidecar.core.revocation import Level, Revocation
from sidecar.errors import NameTaken, NotFound, VersionMismatch
from sidecar.ports import ClientAccount, ClientChange, Entry
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations, epoch_beyond
from sidecar.stores.sql.rows import dump_list
from sidecar.stores.sql.tables import clients, deployment


class SqlClients:
    """The port ClientStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def find_client(self, client_id: str) -> ClientAccount | None:
        """Return the program of this `client_id`."""
        query = (
            sa.select(clients, deployment.c.epoch.label("everyone"))
            .join_from(clients, deployment, deployment.c.id == 1)
            .where(clients.c.client_id == client_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        secrets = (row["secret_hash"], row["previous_secret_hash"])
        return ClientAccount(
            _read_client(row), tuple(filter(None, secrets)), (row["everyone"], row["epoch"])
        )

    async def find_client_id(self, name: str) -> str | None:
        """Return the `client_id` of the program of this name."""
        query = sa.select(clients.c.client_id).where(clients.c.name == name)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def read_clients(self, after: str, limit: int) -> Sequence[Client]:
        """Return the first `limit` programs by name that come behind the name `after`."""
        query = sa.select(clients).where(clients.c.name > after).order_by(clients.c.name)
        async with self._database.read() as connection:
            rows = await connection.execute(query.limit(limit))
            return [_read_client(row) for row in rows.mappings()]

    async def add_client(self, client: Client, secret_hash: str, event: AuditEvent) -> None:
        """Keep a new program. Raises NameTaken."""
        row = {
            "client_id": client.client_id,
            "name": client.name,
            "scopes": dump_list(client.scopes),
            "audience": dump_list(client.audience),
            "secret_hash": secret_hash,
            "epoch": client.epoch,
            "created_at": client.created_at,
            "updated_at": client.updated_at,
        }
        async with self._database.write() as connection:
            with _refusing_taken(client.name):
                await connection.execute(sa.insert(clients).values(row))
            await write_event(connection, event)

    async def change_client(
        self,
        client_id: str,
        change: ClientChange,
        event: AuditEvent,
        *,
        seen: int | None,
        keep_after: int,
    ) -> tuple[Client, tuple[Entry, ...]]:
        """Change a program and move its epoch, which must be the one that the caller has seen."""
        async with self._database.write(log=True) as connection:
            row = await _read_seen(connection, client_id, seen)
            values = _changed(row, change)
            if not values:
                return _read_client(row), ()
            with _refusing_taken(values.get("name", row["name"])):
                await connection.execute(
                    sa.update(clients)
                    .where(clients.c.client_id == client_id)
                    .values(values | {"updated_at": event.at})
                )
            entries = await self._move_epoch(connection, client_id, event.at, keep_after)
            await write_event(connection, event)
            changed = await _read_seen(connection, client_id, None)
        return _read_client(changed), entries

    async def rotate_secret(
        self,
        client_id: str,
        secret_hash: str,
        event: AuditEvent,
        *,
        drop_previous: bool,
        keep_after: int,
    ) -> tuple[Entry, ...]:
        """Give a program another secret; the one before it stays valid beside it, or is dropped."""
        turn = (
            sa.update(clients)
            .where(clients.c.client_id == client_id)
            .values(
                secret_hash=secret_hash,
                previous_secret_hash=None if drop_previous else clients.c.secret_hash,
            )
        )
        async with self._database.write(log=drop_previous) as connection:
            if (await connection.execute(turn)).rowcount == 0:
                raise NotFound(f"there is no program {client_id!r}")
            await write_event(connection, event)
            if not drop_previous:
                return ()
            return await self._move_epoch(connection, client_id, event.at, keep_after)

    async def remove_client(
        self, client_id: str, event: AuditEvent, *, seen: int | None, keep_after: int
    ) -> tuple[Entry, ...]:
        """Remove a program and refuse its tokens. Raises NotFound, VersionMismatch."""
        async with self._database.write(log=True) as connection:
            await _read_seen(connection, client_id, seen)
            entries = await self._move_epoch(connection, client_id, event.at, keep_after)
            await connection.execute(sa.delete(clients).where(clients.c.client_id == client_id))
            await write_event(connection, event)
        return entries

    async def _move_epoch(
        self, connection: AsyncConnection, client_id: str, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """Refuse what was sealed for a program until now, within the caller's transaction."""
        move = (
            sa.update(clients)
            .where(clients.c.client_id == client_id)
            .values(epoch=epoch_beyond(clients.c.epoch, now))
            .returning(clients.c.epoch)
        )
        epoch = (await connection.execute(move)).scalar_one()
        # No row says until when its tokens live, and one may be sealed at this moment.
        forget_at = now + LONGEST_LIFE[TokenKind.ACCESS] + keep_after
        entry = Revocation(Level.USER, client_id, epoch, forget_at)
        return await self._log.record(connection, entry)


async def _read_seen(connection: AsyncConnection, client_id: str, seen: int | None) -> RowMapping:
    """Return the row of a program, which nobody changes meanwhile; None has seen none."""
    query = sa.select(clients).where(clients.c.client_id == client_id).with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no program {client_id!r}")
    if seen not in {None, row["epoch"]}:
        raise VersionMismatch(f"the program {row['name']!r} was changed meanwhile")
    return row


@contextmanager
def _refusing_taken(name: str) -> Iterator[None]:
    """Refuse a name that another program has."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise NameTaken(f"the name {name!r} is taken") from None


def _read_client(row: RowMapping) -> Client:
    return Client(
        client_id=row["client_id"],
        name=row["name"],
        scopes=tuple(json.loads(row["scopes"])),
        audience=tuple(json.loads(row["audience"])),
        epoch=row["epoch"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _changed(row: RowMapping, change: ClientChange) -> dict[str, Any]:
    """Return the columns that the change makes different."""
    wanted: dict[str, Any] = {
        "name": change.name,
        "scopes": None if change.scopes is None else dump_list(change.scopes),
        "audience": None if change.audience is None else dump_list(change.audience),
    }
    return {name: value for name, value in wanted.items() if value not in {None, row[name]}}
