"""Second factors and recovery codes; each counts once, on all replicas together.

Whoever changes what somebody has locks their row first, as a login does: two of them see each
other.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import AuditEvent
from sidecar.errors import NotFound
from sidecar.ports import Factor, Proof, StepProof
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import factors, recovery_codes, users

TOTP: Final = "totp"  # the one kind that there is
CONFIRMED: Final = sa.and_(factors.c.kind == TOTP, factors.c.confirmed_at.is_not(None))
PENDING: Final = sa.and_(factors.c.kind == TOTP, factors.c.confirmed_at.is_(None))


class SqlFactors:
    """The port FactorStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_factor(self, user_id: str) -> bool:
        """Say whether somebody has a confirmed factor."""
        async with self._database.read() as connection:
            return await is_confirmed(connection, user_id)

    async def find_pending(self, user_id: str) -> Factor | None:
        """Return the factor that somebody is setting up."""
        query = sa.select(factors).where(factors.c.user_id == user_id, PENDING)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else read_factor(row)

    async def add_pending(self, factor: Factor) -> bool:
        """Keep a factor to be confirmed; False where there is a confirmed one. Raises NotFound."""
        async with self._database.write() as connection:
            if not await _lock_user(connection, factor.user_id):
                raise NotFound("nobody has such an id")
            if await is_confirmed(connection, factor.user_id):
                return False
            await connection.execute(
                sa.delete(factors).where(factors.c.user_id == factor.user_id, PENDING)
            )
            await connection.execute(
                sa.insert(factors).values(
                    id=factor.id,
                    user_id=factor.user_id,
                    kind=TOTP,
                    secret=factor.sealed,
                    last_step=factor.last_step,
                    created_at=factor.created_at,
                )
            )
        return True

    async def confirm_factor(
        self, factor: Factor, step: int, code_hashes: Sequence[str], event: AuditEvent
    ) -> bool:
        """Confirm the pending factor of a user; False where it is another one by now, or none."""
        confirm = (
            sa.update(factors)
            .where(factors.c.id == factor.id, PENDING)
            .values(confirmed_at=event.at, last_step=step)
        )
        user_id = factor.user_id
        codes = [
            {"user_id": user_id, "code_hash": each, "created_at": event.at} for each in code_hashes
        ]
        async with self._database.write() as connection:
            await _lock_user(connection, user_id)
            if (await connection.execute(confirm)).rowcount != 1:
                return False
            await connection.execute(sa.insert(recovery_codes), codes)
            await write_event(connection, event)
        return True

    async def remove_factor(self, user_id: str, event: AuditEvent) -> bool:
        """Remove what a user has or sets up; False where none was confirmed."""
        async with self._database.write() as connection:
            await _lock_user(connection, user_id)
            confirmed = await is_confirmed(connection, user_id)
            for table in (recovery_codes, factors):
                await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
            if confirmed:
                await write_event(connection, event)
        return confirmed


async def spend_proof(connection: AsyncConnection, user_id: str, proof: Proof) -> bool:
    """Make a proof count, now and never again; False where it does not.

    The caller's transaction has locked the row of the user.
    """
    if isinstance(proof, StepProof):
        turn = (
            sa.update(factors)
            .where(
                factors.c.id == proof.factor_id,
                factors.c.user_id == user_id,
                CONFIRMED,
                factors.c.last_step < proof.step,
            )
            .values(last_step=proof.step)
        )
        return (await connection.execute(turn)).rowcount == 1
    mine = recovery_codes.c.user_id == user_id
    take = sa.delete(recovery_codes).where(mine, recovery_codes.c.code_hash == proof.code_hash)
    if (await connection.execute(take)).rowcount != 1:
        return False
    count = sa.select(sa.func.count()).select_from(recovery_codes).where(mine)
    left = (await connection.execute(count)).scalar_one()
    details = {**proof.event.details, "left": left}
    await write_event(connection, replace(proof.event, details=details))
    return True


def read_factor(row: RowMapping, prefix: str = "") -> Factor:
    """Return the factor of a row of `factors`, whose columns may be prefixed."""
    return Factor(
        id=row[f"{prefix}id"],
        user_id=row[f"{prefix}user_id"],
        sealed=row[f"{prefix}secret"],
        last_step=row[f"{prefix}last_step"],
        created_at=row[f"{prefix}created_at"],
    )


async def is_confirmed(connection: AsyncConnection, user_id: str) -> bool:
    """Say whether a user has a confirmed factor."""
    query = sa.select(factors.c.id).where(factors.c.user_id == user_id, CONFIRMED)
    return (await connection.execute(query)).first() is not None


async def _lock_user(connection: AsyncConnection, user_id: str) -> bool:
    lock = sa.select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True)
    return (await connection.execute(lock)).one_or_none() is not None
