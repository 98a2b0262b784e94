"""Accounts as a login sees them, and the sessions that it opens."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import AuditEvent, Device
from sidecar.core.session import Session, SessionKind
from sidecar.core.verdict import Deny, Reason
from sidecar.ports import Account, Entry, Proof, SessionBound
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.factors import CONFIRMED, is_confirmed, read_factor, spend_proof
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.rows import dump_list, read_session, read_user
from sidecar.stores.sql.tables import deployment, factors, sessions, users

_ACCOUNT = (users, deployment.c.epoch.label("everyone"))
_FACTOR = tuple(column.label(f"f_{column.name}") for column in factors.c)
_SESSION = tuple(column.label(f"s_{column.name}") for column in sessions.c)
_NEWEST_FIRST = (sessions.c.created_at.desc(), sessions.c.sid)


class SqlSessions:
    """The ports AccountStore and SessionStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def find_account(self, username: str) -> Account | None:
        """Return the account of this canonical username, also a disabled one."""
        query = (
            sa.select(*_ACCOUNT, *_FACTOR)
            .join_from(users, deployment, deployment.c.id == 1)
            .outerjoin(factors, sa.and_(factors.c.user_id == users.c.id, CONFIRMED))
            .where(users.c.username == username)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        factor = None if row["f_id"] is None else read_factor(row, "f_")
        return replace(_read_account(row), factor=factor)

    async def replace_hash(self, user_id: str, before: str, after: str) -> None:
        """Keep another hash of the same password; nothing where the password is another by now."""
        same = sa.and_(users.c.id == user_id, users.c.password_hash == before)
        async with self._database.write() as connection:
            await connection.execute(sa.update(users).where(same).values(password_hash=after))

    async def add_session(
        self,
        session: Session,
        epoch: tuple[int, int],
        bound: SessionBound,
        proof: Proof | None = None,
    ) -> tuple[Entry, ...] | Deny | None:
        """Keep a new session, unless its user may not log in so, or the proof does not count."""
        async with self._database.write() as connection:
            if not await _lock_account(connection, session.user_id, epoch):
                return None
            if not await _find_surplus(connection, session, bound):
                return await _insert_proven(connection, session, proof)
        # Something must end. Whoever writes the log takes its lock ahead of any row, or two of them
        # would wait for each other: hence once more, from the start.
        async with self._database.write(log=True) as connection:
            if not await _lock_account(connection, session.user_id, epoch):
                return None
            surplus = sessions.c.sid.in_(await _find_surplus(connection, session, bound))
            opened = await _insert_proven(connection, session, proof)
            if opened != ():
                return opened
            return await self._log.end_sessions(connection, surplus, keep_after=bound.keep_after)

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

    async def list_sessions(self, user_id: str, *, now: int, refresh_ttl: int) -> Sequence[Session]:
        """Return the living sessions of a user, the newest login first."""
        query = (
            sa.select(*_SESSION)
            .where(sessions.c.user_id == user_id, _lives(now, refresh_ttl))
            .order_by(*_NEWEST_FIRST)
        )
        async with self._database.read() as connection:
            return [read_session(row) for row in (await connection.execute(query)).mappings()]

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int, device: Device
    ) -> bool:
        """Move a living session from this generation to the next, in one compare-and-set."""
        turn = (
            sa.update(sessions)
            .where(sessions.c.sid == sid, sessions.c.generation == generation)
            .values(
                generation=generation + 1,
                rotated_at=rotated_at,
                tokens_until=tokens_until,
                used_at=rotated_at,
                address=device.address,
                user_agent=device.user_agent,
            )
        )
        async with self._database.write(single=True) as connection:
            turned = await connection.execute(self._database.ending_if_silent(turn))
        return turned.rowcount == 1

    async def note_replay(self, event: AuditEvent) -> None:
        """Write that a refresh token came again, from elsewhere."""
        async with self._database.write() as connection:
            await write_event(connection, event)


async def _lock_account(connection: AsyncConnection, user_id: str, epoch: tuple[int, int]) -> bool:
    """Lock what a login goes by; False if the user is gone or disabled or either epoch has moved.

    Whoever moves an epoch at the same moment waits, and then finds the session, or was first, and
    is found. Logins of one user wait for each other: each counts the sessions of the ones before.
    """
    # The deployment's row before the user's, as a change of the user locks them.
    everyone = (
        sa.select(deployment.c.id)
        .where(deployment.c.id == 1, deployment.c.epoch == epoch[0])
        .with_for_update(read=True)
    )
    user = (
        sa.select(users.c.id)
        .where(users.c.id == user_id, users.c.epoch == epoch[1], users.c.disabled.is_(False))
        .with_for_update(key_share=True)
    )
    return (await connection.execute(everyone)).one_or_none() is not None and (
        await connection.execute(user)
    ).one_or_none() is not None


async def _find_surplus(
    connection: AsyncConnection, session: Session, bound: SessionBound
) -> Sequence[str]:
    """Return the `sid`s of those that must end so that a new session has a place."""
    oldest = (
        sa.select(sessions.c.sid)
        .where(sessions.c.user_id == session.user_id, _lives(session.created_at, bound.refresh_ttl))
        .order_by(*_NEWEST_FIRST)
        .offset(bound.most - 1)
    )
    return (await connection.execute(oldest)).scalars().all()


def _lives(now: int, refresh_ttl: int) -> sa.ColumnElement[bool]:
    """Hold for the sessions that still give somebody something."""
    return sa.and_(
        sessions.c.expires_at > now,
        sa.or_(
            sessions.c.kind == SessionKind.COOKIE.value,
            sessions.c.rotated_at > now - refresh_ttl,
        ),
    )


async def _insert_proven(
    connection: AsyncConnection, session: Session, proof: Proof | None
) -> tuple[()] | Deny | None:
    """Keep a session for what was proven, which is spent with it; else say what is wrong."""
    if proof is None:
        if await is_confirmed(connection, session.user_id):  # since the password was checked
            return None
    elif not await spend_proof(connection, session.user_id, proof):
        return Deny(Reason.OTP_INVALID)
    await _insert(connection, session)
    return ()


async def _insert(connection: AsyncConnection, session: Session) -> None:
    await connection.execute(
        sa.insert(sessions).values(
            sid=session.sid,
            user_id=session.user_id,
            kind=session.kind.value,
            generation=session.generation,
            created_at=session.created_at,
            rotated_at=session.rotated_at,
            tokens_until=session.tokens_until,
            expires_at=session.expires_at,
            amr=dump_list(session.amr),
            used_at=session.used_at,
            address=session.device.address,
            user_agent=session.device.user_agent,
        )
    )


def _read_account(row: RowMapping) -> Account:
    return Account(read_user(row), row["password_hash"], (row["everyone"], row["epoch"]))
