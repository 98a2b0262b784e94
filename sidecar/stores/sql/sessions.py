"""Accounts as a login sees them, and the sessions that it opens."""

import sqlalchemy as sa
from sqlalchemy import RowMapping

from sidecar.core.session import Session
from sidecar.ports import Account
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.rows import dump_list, read_session, read_user
from sidecar.stores.sql.tables import deployment, sessions, users

_ACCOUNT = (users, deployment.c.epoch.label("everyone"))
_SESSION = tuple(column.label(f"s_{column.name}") for column in sessions.c)


class SqlSessions:
    """The ports AccountStore and SessionStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_account(self, username: str) -> Account | None:
        """Return the account of this canonical username, also a disabled one."""
        query = (
            sa.select(*_ACCOUNT)
            .join_from(users, deployment, deployment.c.id == 1)
            .where(users.c.username == username)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else _read_account(row)

    async def add_session(self, session: Session, epoch: tuple[int, int]) -> bool:
        """Keep a new session, unless the user is gone or disabled or either epoch has moved.

        Both rows are locked for the look: whoever moves an epoch at the same moment waits, and then
        finds the session, or was first, and is found.
        """
        # The deployment's row before the user's, as a change of the user locks them.
        look = (
            sa.select(users.c.id)
            .join_from(deployment, users, users.c.id == session.user_id)
            .where(
                deployment.c.id == 1,
                deployment.c.epoch == epoch[0],
                users.c.epoch == epoch[1],
                users.c.disabled.is_(False),
            )
            .with_for_update(read=True)
        )
        row = {
            "sid": session.sid,
            "user_id": session.user_id,
            "kind": session.kind.value,
            "generation": session.generation,
            "created_at": session.created_at,
            "rotated_at": session.rotated_at,
            "tokens_until": session.tokens_until,
            "expires_at": session.expires_at,
            "amr": dump_list(session.amr),
            "used_at": session.used_at,
            "address": session.device.address,
            "user_agent": session.device.user_agent,
        }
        async with self._database.write() as connection:
            if (await connection.execute(look)).one_or_none() is None:
                return False
            await connection.execute(sa.insert(sessions).values(row))
        return True

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Return a session that has not been ended, with today's account."""
        query = (
            sa.select(*_ACCOUNT, *_SESSION)
            .join_from(sessions, users, sessions.c.user_id == users.c.id)
            .join(deployment, deployment.c.id == 1)
            .where(sessions.c.sid == sid)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else (read_session(row), _read_account(row))

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int
    ) -> bool:
        """Move a living session from this generation to the next, in one compare-and-set."""
        turn = (
            sa.update(sessions)
            .where(sessions.c.sid == sid, sessions.c.generation == generation)
            .values(generation=generation + 1, rotated_at=rotated_at, tokens_until=tokens_until)
        )
        async with self._database.write() as connection:
            result = await connection.execute(turn)
        return result.rowcount == 1


def _read_account(row: RowMapping) -> Account:
    return Account(read_user(row), row["password_hash"], (row["everyone"], row["epoch"]))
