"""People, as those see them who administer them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.user import User
from sidecar.errors import LastAdministrator, NameTaken, NotFound
from sidecar.ports import Entry, UserChange
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations, drop_credentials
from sidecar.stores.sql.rows import dump_list, read_user
from sidecar.stores.sql.tables import deployment, users

# Who looks for the last administrator locks this row: two removals see each other.
_LOCK: Final = sa.select(deployment.c.id).where(deployment.c.id == 1).with_for_update()


class SqlUsers:
    """The port UserStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def add_user(self, user: User, password_hash: str) -> None:
        """Keep a new user. Raises NameTaken."""
        async with self._database.write() as connection:
            await _refuse_taken(connection, user.username)
            await _insert(connection, user, password_hash)

    async def add_first_user(self, user: User, password_hash: str) -> bool:
        """Keep the first user; False where there is any, also when two processes try at once."""
        async with self._database.write() as connection:
            await connection.execute(_LOCK)
            if (await connection.execute(sa.select(users.c.id).limit(1))).first() is not None:
                return False
            await _insert(connection, user, password_hash)
        return True

    async def list_users(self) -> Sequence[User]:
        """Return all users by username."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(users).order_by(users.c.username))
            return [read_user(row) for row in rows.mappings()]

    async def read_users(self, after: str, limit: int) -> Sequence[User]:
        """Return the first `limit` users by username that come behind `after`."""
        query = sa.select(users).where(users.c.username > after).order_by(users.c.username)
        async with self._database.read() as connection:
            rows = await connection.execute(query.limit(limit))
            return [read_user(row) for row in rows.mappings()]

    async def change_user(
        self, username: str, change: UserChange, *, admin_role: str, now: int, keep_after: int
    ) -> tuple[User, tuple[Entry, ...]]:
        """Change a user and move their epoch.

        A new password or `disabled` ends their sessions and personal tokens.
        """
        async with self._database.write(log=True) as connection:
            await connection.execute(_LOCK)
            row = await _read_row(connection, username)
            values = _changed(row, change)
            if not values:
                return read_user(row), ()
            if "username" in values:
                await _refuse_taken(connection, values["username"])
            values["updated_at"] = now
            entries = await self._log.move_epoch(
                connection, row["id"], now=now, keep_after=keep_after
            )
            with _refusing_taken(values.get("username", username)):
                await connection.execute(
                    sa.update(users).where(users.c.id == row["id"]).values(values)
                )
            if "password_hash" in values or values.get("disabled") is True:
                await drop_credentials(connection, row["id"], personal_tokens_too=True)
            await _refuse_last_administrator(connection, row, admin_role)
            changed = await _read_row(connection, values.get("username", username))
        return read_user(changed), entries

    async def remove_user(
        self, username: str, *, admin_role: str, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """Remove a user with their sessions and tokens. Raises NotFound, LastAdministrator."""
        async with self._database.write(log=True) as connection:
            await connection.execute(_LOCK)
            row = await _read_row(connection, username)
            entries = await self._log.move_epoch(
                connection, row["id"], now=now, keep_after=keep_after
            )
            await drop_credentials(connection, row["id"], personal_tokens_too=True)
            await connection.execute(sa.delete(users).where(users.c.id == row["id"]))
            await _refuse_last_administrator(connection, row, admin_role)
        return entries


async def _read_row(connection: AsyncConnection, username: str) -> RowMapping:
    query = sa.select(users).where(users.c.username == username)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no user {username!r}")
    return row


async def _refuse_taken(connection: AsyncConnection, username: str) -> None:
    query = sa.select(users.c.id).where(users.c.username == username)
    if (await connection.execute(query)).one_or_none() is not None:
        raise NameTaken(f"the username {username!r} is taken")


@contextmanager
def _refusing_taken(username: str) -> Iterator[None]:
    """Refuse what another transaction took between the look and the write."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise NameTaken(f"the username {username!r} is taken") from None


async def _insert(connection: AsyncConnection, user: User, password_hash: str) -> None:
    with _refusing_taken(user.username):
        await connection.execute(
            sa.insert(users).values(
                id=user.id,
                username=user.username,
                email=user.email,
                name=user.name,
                roles=dump_list(user.roles),
                disabled=user.disabled,
                password_hash=password_hash,
                epoch=0,
                created_at=user.created_at,
                updated_at=user.updated_at,
            )
        )


def _changed(row: RowMapping, change: UserChange) -> dict[str, Any]:
    """Return the columns that the change makes different."""
    wanted: dict[str, Any] = {
        "username": change.username,
        "roles": None if change.roles is None else dump_list(change.roles),
        "disabled": change.disabled,
        "password_hash": change.password_hash,
    }
    values = {name: value for name, value in wanted.items() if value not in {None, row[name]}}
    for name, text in (("email", change.email), ("name", change.name)):
        if text is not None and (text or None) != row[name]:
            values[name] = text or None
    return values


async def _refuse_last_administrator(
    connection: AsyncConnection, before: RowMapping, admin_role: str
) -> None:
    """Refuse a change of an enabled administrator that leaves none: raising undoes the change."""
    if before["disabled"] or admin_role not in json.loads(before["roles"]):
        return
    rows = await connection.execute(sa.select(users.c.roles).where(users.c.disabled.is_(False)))
    if not any(admin_role in json.loads(roles) for roles in rows.scalars()):
        raise LastAdministrator(f"{before['username']} is the last administrator")
