"""The ring as SQL remembers it."""

from collections.abc import Sequence

import sqlalchemy as sa

from sidecar.core.audit import AuditEvent
from sidecar.core.keyring import Purpose
from sidecar.core.revocation import Level, Revocation
from sidecar.errors import NotFound
from sidecar.ports import Entry, RingKey
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.tables import deployment, ring_keys


class SqlRing:
    """The port RingStore."""

    def __init__(self, database: Database, revocations: SqlRevocations) -> None:
        self._database = database
        self._revocations = revocations

    async def read_ring(self) -> tuple[Sequence[RingKey], str | None]:
        """Return all keys that were ever in the ring, and the fingerprint of `secret`."""
        fingerprint_query = sa.select(deployment.c.secret_fingerprint).where(deployment.c.id == 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(ring_keys))).mappings().all()
            fingerprint = (await connection.execute(fingerprint_query)).scalar_one()
        keys = [RingKey(**{**row, "purpose": Purpose(row["purpose"])}) for row in rows]
        return keys, fingerprint

    async def remember_ring(
        self,
        keys: Sequence[RingKey],
        fingerprint: str,
        *,
        dated: frozenset[str],
        older: AuditEvent | None = None,
    ) -> None:
        """Add keys that are not known yet, and keep the dates of those in `dated`.

        The first fingerprint stays. Beside another nothing is done: keys of a directory that is
        refused would be missed in the one that is not.
        """
        read = sa.select(deployment.c.secret_fingerprint).where(deployment.c.id == 1)
        async with self._database.write(log=older is not None) as connection:
            first = (await connection.execute(read.with_for_update())).scalar_one()
            if first not in {None, fingerprint}:
                return
            if first is None and older is not None:
                await self._revocations.end_everyone(connection, older)
            known = set((await connection.execute(sa.select(ring_keys.c.kid))).scalars())
            rows = [_row(key) for key in keys if key.kid not in known]
            if rows:
                await connection.execute(sa.insert(ring_keys), rows)
            for key in keys:
                if key.kid in dated & known:
                    redate = sa.update(ring_keys).where(ring_keys.c.kid == key.kid)
                    await connection.execute(redate.values(**_dates(key)))
            await connection.execute(
                sa.update(deployment)
                .where(deployment.c.id == 1, deployment.c.secret_fingerprint.is_(None))
                .values(secret_fingerprint=fingerprint)
            )

    async def revoke_key(
        self, kid: str, *, keep_after: int, event: AuditEvent
    ) -> tuple[Entry, ...]:
        """Refuse everything that a key sealed, once and for all. Raises NotFound."""
        revoke = (
            sa.update(ring_keys)
            .where(ring_keys.c.kid == kid, ring_keys.c.revoked_at.is_(None))
            .values(revoked_at=event.at)
            .returning(ring_keys.c.publish_until)
        )
        known = sa.select(ring_keys.c.kid).where(ring_keys.c.kid == kid)
        async with self._database.write(log=True) as connection:
            publish_until = (await connection.execute(revoke)).scalar_one_or_none()
            if publish_until is None:
                if (await connection.execute(known)).scalar_one_or_none() is None:
                    raise NotFound("there is no such key")
                return ()
            await write_event(connection, event)
            forget_at = max(publish_until, event.at) + keep_after
            revocation = Revocation(Level.KEY, kid, 0, forget_at)
            return await self._revocations.record(connection, revocation)

    async def note_rotation(self, event: AuditEvent) -> None:
        """Write that a key was made, or brought forward."""
        async with self._database.write() as connection:
            await write_event(connection, event)


def _row(key: RingKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "purpose": key.purpose.value,
        "public_pem": key.public_pem,
        **_dates(key),
    }


def _dates(key: RingKey) -> dict[str, int]:
    return {
        "not_before": key.not_before,
        "sign_until": key.sign_until,
        "publish_until": key.publish_until,
    }
