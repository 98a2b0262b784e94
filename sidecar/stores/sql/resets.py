"""One-time links that set a password: one row for each user."""

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import OPERATOR, Action, AuditEvent, Author, Device
from sidecar.core.user import User
from sidecar.errors import NotFound
from sidecar.ports import Entry, Reset
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.ends import drop_credentials
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.rows import read_user
from sidecar.stores.sql.tables import resets, users
from sidecar.stores.sql.userrows import is_administrator


class SqlResets:
    """The port ResetStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def put_reset(self, reset: Reset, by: Author) -> bool:
        """Keep a link in place of the one before; False for a disabled user. Raises NotFound."""
        # The user's row for nobody else: of two links at once the later one is the newest.
        owner = sa.select(users.c.disabled).where(users.c.id == reset.user_id).with_for_update()
        async with self._database.write() as connection:
            disabled = (await connection.execute(owner)).scalar_one_or_none()
            if disabled is None:
                raise NotFound(f"there is no user with the id {reset.user_id!r}")
            if disabled:
                return False
            await connection.execute(sa.delete(resets).where(resets.c.user_id == reset.user_id))
            await connection.execute(
                sa.insert(resets).values(
                    user_id=reset.user_id,
                    token_hash=reset.token_hash,
                    made_by=by.actor,
                    created_at=reset.created_at,
                    expires_at=reset.expires_at,
                )
            )
            details = {"expires_at": reset.expires_at}
            made = Action.RESET_MADE
            event = AuditEvent(reset.created_at, made, by.actor, reset.user_id, by.device, details)
            await write_event(connection, event)
        return True

    async def find_reset(self, token_hash: str, now: int, *, admin_role: str) -> User | None:
        """Return whose link it is, made by who still may; None where it is over or spent."""
        async with self._database.read() as connection:
            row = await _find_owner(connection, _look(token_hash, now), admin_role)
        return None if row is None else read_user(row)

    async def spend_reset(
        self,
        token_hash: str,
        password_hash: str,
        device: Device,
        now: int,
        *,
        admin_role: str,
        keep_after: int,
    ) -> tuple[User, tuple[Entry, ...]] | None:
        """Set the password of whose link it is, and end all that was theirs; the link is gone."""
        # The user's row before that of the link: so every change of a user locks them.
        query = _look(token_hash, now).with_for_update(of=users)
        spend = (
            sa.delete(resets).where(resets.c.token_hash == token_hash).returning(resets.c.user_id)
        )
        async with self._database.write(log=True) as connection:
            row = await _find_owner(connection, query, admin_role)
            if row is None or (await connection.execute(spend)).one_or_none() is None:
                return None
            user_id = row["id"]
            entries = await self._log.move_epoch(
                connection, user_id, now=now, keep_after=keep_after
            )
            ended = await drop_credentials(connection, user_id, personal_tokens_too=True)
            await connection.execute(
                sa.update(users)
                .where(users.c.id == user_id)
                .values(password_hash=password_hash, updated_at=now)
            )
            event = AuditEvent(now, Action.RESET_SPENT, user_id, user_id, device, ended)
            await write_event(connection, event)
            changed = await connection.execute(sa.select(users).where(users.c.id == user_id))
            return read_user(changed.mappings().one()), entries


def _look(token_hash: str, now: int) -> sa.Select[tuple[object, ...]]:
    """Return the query for the owner of a link that can be spent."""
    return (
        sa.select(users, resets.c.made_by)
        .join(resets, resets.c.user_id == users.c.id)
        .where(
            resets.c.token_hash == token_hash,
            resets.c.expires_at > now,
            users.c.disabled.is_(False),
        )
    )


async def _find_owner(
    connection: AsyncConnection, query: sa.Select[tuple[object, ...]], admin_role: str
) -> RowMapping | None:
    """Return the owner's row, None where there is none or whoever made the link may no more."""
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None or row["made_by"] == OPERATOR:
        return row
    maker = sa.select(users.c.disabled, users.c.roles).where(users.c.id == row["made_by"])
    found = (await connection.execute(maker)).mappings().one_or_none()
    return row if found is not None and is_administrator(found, admin_role) else None
