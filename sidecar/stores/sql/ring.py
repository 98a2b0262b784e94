"""The ring as SQL remembers it."""

from collections.abc import Sequence

import sqlalchemy as sa

from sidecar.core.keyring import Purpose
from sidecar.ports import RingKey
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import deployment, ring_keys


class SqlRing:
    """The port RingStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_ring(self) -> tuple[Sequence[RingKey], str | None]:
        """Return all keys that were ever in the ring, and the fingerprint of `secret`."""
        fingerprint_query = sa.select(deployment.c.secret_fingerprint).where(deployment.c.id == 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(ring_keys))).mappings().all()
            fingerprint = (await connection.execute(fingerprint_query)).scalar_one()
        keys = [RingKey(**{**row, "purpose": Purpose(row["purpose"])}) for row in rows]
        return keys, fingerprint

    async def remember_ring(self, keys: Sequence[RingKey], fingerprint: str) -> None:
        """Add keys that are not known yet; the first fingerprint stays.

        Beside another fingerprint nothing is added: keys of a directory that is refused would be
        missed in the one that is not.
        """
        read = sa.select(deployment.c.secret_fingerprint).where(deployment.c.id == 1)
        async with self._database.write() as connection:
            first = (await connection.execute(read.with_for_update())).scalar_one()
            if first not in {None, fingerprint}:
                return
            known = set((await connection.execute(sa.select(ring_keys.c.kid))).scalars())
            rows = [
                {
                    "kid": key.kid,
                    "purpose": key.purpose.value,
                    "public_pem": key.public_pem,
                    "not_before": key.not_before,
                    "sign_until": key.sign_until,
                    "publish_until": key.publish_until,
                }
                for key in keys
                if key.kid not in known
            ]
            if rows:
                await connection.execute(sa.insert(ring_keys), rows)
            await connection.execute(
                sa.update(deployment)
                .where(deployment.c.id == 1, deployment.c.secret_fingerprint.is_(None))
                .values(secret_fingerprint=fingerprint)
            )
