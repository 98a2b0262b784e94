"""People, as those see them who administer them."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.user import User, fold_text
from sidecar.errors import LastAdministrator, NotFound, VersionMismatch
from sidecar.ports import ChangeRules, Entry, UserChange
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.ends import drop_credentials
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.rows import dump_list, read_user
from sidecar.stores.sql.tables import deployment, factors, marks, recovery_codes, users
from sidecar.stores.sql.userrows import (
    find_search_text,
    insert_user,
    is_administrator,
    refuse_taken,
    refusing_taken,
    tell_user,
)

# Who looks for the last administrator locks this row: two removals see each other.
_LOCK: Final = sa.select(deployment.c.id).where(deployment.c.id == 1).with_for_update()
_OWNED: Final = (factors, recovery_codes)  # what goes with its owner


class SqlUsers:
    """The port UserStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def add_user(self, user: User, password_hash: str, by: Author) -> None:
        """Keep a new user. Raises NameTaken."""
        async with self._database.write() as connection:
            await refuse_taken(connection, user.username)
            await insert_user(connection, user, password_hash, by)

    async def add_first_user(self, user: User, password_hash: str, by: Author) -> bool:
        """Keep the first user; False where there is any, also when two processes try at once."""
        async with self._database.write() as connection:
            await connection.execute(_LOCK)
            if (await connection.execute(sa.select(users.c.id).limit(1))).first() is not None:
                return False
            await insert_user(connection, user, password_hash, by)
        return True

    async def find_user(self, user_id: str) -> tuple[User, int] | None:
        """Return a user and their version."""
        query = sa.select(users).where(users.c.id == user_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else (read_user(row), row["epoch"])

    async def find_users(self, user_ids: Collection[str]) -> Sequence[User]:
        """Return those of these users who are there, in any order, by one read."""
        query = sa.select(users).where(users.c.id.in_(user_ids))
        async with self._database.read() as connection:
            return [read_user(row) for row in (await connection.execute(query)).mappings()]

    async def list_users(self) -> Sequence[User]:
        """Return all users by username."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(users).order_by(users.c.username))
            return [read_user(row) for row in rows.mappings()]

    async def read_users(self, after: str, limit: int, q: str = "") -> Sequence[User]:
        """Return the first `limit` users by username that come behind `after`."""
        query = sa.select(users).where(users.c.username > after).order_by(users.c.username)
        if q:
            query = query.where(users.c.search.contains(fold_text(q), autoescape=True))
        async with self._database.read() as connection:
            rows = await connection.execute(query.limit(limit))
            return [read_user(row) for row in rows.mappings()]

    async def change_user(
        self,
        user_id: str,
        change: UserChange,
        by: Author,
        now: int,
        *,
        seen: int | None,
        rules: ChangeRules,
    ) -> tuple[User, int, tuple[Entry, ...]]:
        """Change a user and move their epoch.

        A new password or `disabled` ends their sessions and personal tokens.
        """
        async with self._database.write(log=True) as connection:
            await connection.execute(_LOCK)
            row = await _read_seen(connection, user_id, seen)
            values = _changed(row, change)
            if not values:
                return read_user(row), row["epoch"], ()
            if "username" in values:
                await refuse_taken(connection, values["username"])
            entries = await self._log.move_epoch(
                connection, user_id, now=now, keep_after=rules.keep_after
            )
            with refusing_taken(values.get("username", row["username"])):
                await connection.execute(
                    sa.update(users)
                    .where(users.c.id == user_id)
                    .values(
                        values | {"updated_at": now, "search": find_search_text({**row, **values})}
                    )
                )
            ended = {}
            if "password_hash" in values or values.get("disabled") is True:
                ended = await drop_credentials(connection, user_id, personal_tokens_too=True)
            if "username" in values:  # nobody inherits from where a name was known
                await connection.execute(sa.delete(marks).where(marks.c.user_id == user_id))
            changed = await _read_seen(connection, user_id, None)
            if not is_administrator(changed, rules.admin_role):
                await _refuse_last_administrator(connection, row, rules.admin_role)
            for event in _tell_change(row, changed, values, by, ended):
                await write_event(connection, event)
        return read_user(changed), changed["epoch"], entries

    async def remove_user(
        self, user_id: str, by: Author, now: int, *, seen: int | None, rules: ChangeRules
    ) -> tuple[Entry, ...]:
        """Remove a user with their sessions and tokens."""
        async with self._database.write(log=True) as connection:
            await connection.execute(_LOCK)
            row = await _read_seen(connection, user_id, seen)
            entries = await self._log.move_epoch(
                connection, user_id, now=now, keep_after=rules.keep_after
            )
            ended = await drop_credentials(connection, user_id, personal_tokens_too=True)
            for table in _OWNED:
                await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
            await connection.execute(sa.delete(users).where(users.c.id == user_id))
            await _refuse_last_administrator(connection, row, rules.admin_role)
            details = {"before": tell_user(read_user(row)), **ended}
            event = AuditEvent(now, Action.USER_REMOVED, by.actor, user_id, by.device, details)
            await write_event(connection, event)
        return entries


async def _read_seen(connection: AsyncConnection, user_id: str, seen: int | None) -> RowMapping:
    query = sa.select(users).where(users.c.id == user_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no user with the id {user_id!r}")
    if seen not in {None, row["epoch"]}:
        raise VersionMismatch(f"the user {row['username']!r} was changed meanwhile")
    return row


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


def _tell_change(
    before: RowMapping,
    after: RowMapping,
    values: dict[str, Any],
    by: Author,
    ended: dict[str, int],
) -> Sequence[AuditEvent]:
    """Return what is told of a change: a new password apart from all else, and never what it is."""
    was, now_is = tell_user(read_user(before)), tell_user(read_user(after))
    differing = [name for name in was if was[name] != now_is[name]]
    told: dict[Action, dict[str, object]] = {}
    if differing:
        told[Action.USER_CHANGED] = {
            "before": {name: was[name] for name in differing},
            "after": {name: now_is[name] for name in differing},
        }
    if "password_hash" in values:
        told[Action.USER_PASSWORD] = {}
    return [
        AuditEvent(
            after["updated_at"], action, by.actor, after["id"], by.device, {**details, **ended}
        )
        for action, details in told.items()
    ]


async def _refuse_last_administrator(
    connection: AsyncConnection, before: RowMapping, admin_role: str
) -> None:
    """Refuse that the last enabled administrator ceases to be one: raising undoes the change."""
    if not is_administrator(before, admin_role):
        return
    # The text finds few of a million, and the list says whether it was right: case may be ignored.
    spelled = users.c.roles.contains(json.dumps(admin_role), autoescape=True)
    query = sa.select(users.c.roles).where(users.c.disabled.is_(False), spelled)
    rows = await connection.execute(query)
    if not any(admin_role in json.loads(roles) for roles in rows.scalars()):
        raise LastAdministrator(f"{before['username']} is the last administrator")
