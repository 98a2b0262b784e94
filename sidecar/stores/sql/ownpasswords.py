"""The password that somebody changes by themselves: one session goes on."""

import sqlalchemy as sa

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.revocation import Level, Revocation
from sidecar.core.session import Session
from sidecar.ports import Account, Entry
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.ends import drop_credentials
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.tables import deployment, sessions, users


class SqlOwnPasswords:
    """The port OwnPasswordStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def change_own_password(
        self,
        account: Account,
        password_hash: str,
        by: Author,
        kept: Session,
        successor: Session,
        *,
        keep_after: int,
    ) -> tuple[Entry, ...] | None:
        """Give an account another password; of its sessions the one that is kept goes on."""
        user_id, now = account.user.id, successor.used_at
        # The deployment's row before the user's, and that before the session's, as others lock.
        looks = (
            sa.select(deployment.c.id)
            .where(deployment.c.id == 1, deployment.c.epoch == account.epoch[0])
            .with_for_update(),
            sa.select(users.c.id)
            .where(users.c.id == user_id, users.c.epoch == account.epoch[1])
            .with_for_update(),
            sa.select(sessions.c.sid)
            .where(
                sessions.c.sid == kept.sid,
                sessions.c.user_id == user_id,
                sessions.c.generation == kept.generation,
            )
            .with_for_update(),
        )
        async with self._database.write(log=True) as connection:
            for look in looks:
                if (await connection.execute(look)).one_or_none() is None:
                    return None
            entries = await self._log.move_epoch(
                connection, user_id, now=now, keep_after=keep_after
            )
            await connection.execute(
                sa.update(users)
                .where(users.c.id == user_id)
                .values(password_hash=password_hash, updated_at=now)
            )
            ended = await drop_credentials(
                connection, user_id, personal_tokens_too=True, kept=kept.sid
            )
            await connection.execute(
                sa.update(sessions)
                .where(sessions.c.sid == kept.sid)
                .values(
                    sid=successor.sid,
                    generation=successor.generation,
                    rotated_at=successor.rotated_at,
                    tokens_until=successor.tokens_until,
                    used_at=now,
                    address=successor.device.address,
                    user_agent=successor.device.user_agent,
                )
            )
            if successor.sid != kept.sid:
                end = Revocation(Level.SESSION, kept.sid, 0, kept.tokens_until + keep_after)
                entries += await self._log.record(connection, end)
            event = AuditEvent(now, Action.USER_PASSWORD, by.actor, user_id, by.device, ended)
            await write_event(connection, event)
        return entries
