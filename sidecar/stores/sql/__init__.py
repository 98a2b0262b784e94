"""The source of truth, on SQLite or PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from sidecar.core.revocation import Revocation
from sidecar.stores.sql.audit import SqlAudit
from sidecar.stores.sql.clients import SqlClients
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.factors import SqlFactors
from sidecar.stores.sql.feed import SqlFeed
from sidecar.stores.sql.imports import SqlImports
from sidecar.stores.sql.marks import SqlMarks
from sidecar.stores.sql.ownpasswords import SqlOwnPasswords
from sidecar.stores.sql.personal import SqlPersonalTokens
from sidecar.stores.sql.resets import SqlResets
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.ring import SqlRing
from sidecar.stores.sql.schema import prepare_schema, upgrade_schema
from sidecar.stores.sql.sessions import SqlSessions
from sidecar.stores.sql.sweep import SqlSweep
from sidecar.stores.sql.throttle import SqlThrottle
from sidecar.stores.sql.users import SqlUsers

__all__ = ["SqlStore", "open_store"]


class SqlStore:
    """One database, and a part of it for each group of ports."""

    def __init__(self, database: Database, *, outbox: bool) -> None:
        self._database = database
        self.revocations = SqlRevocations(database, announced=outbox)
        self.sessions = SqlSessions(database, self.revocations)
        self.sweep = SqlSweep(database)
        self.throttle = SqlThrottle(database)
        self.marks = SqlMarks(database)
        self.users = SqlUsers(database, self.revocations)
        self.own_passwords = SqlOwnPasswords(database, self.revocations)
        self.clients = SqlClients(database, self.revocations)
        self.imports = SqlImports(database)
        self.resets = SqlResets(database, self.revocations)
        self.ring = SqlRing(database, self.revocations)
        self.audit = SqlAudit(database)
        self.personal = SqlPersonalTokens(database, self.revocations)
        self.factors = SqlFactors(database)

    @property
    def write_problem(self) -> str | None:
        """Say why the last write failed; None where it did not."""
        return self._database.write_problem

    async def prepare_schema(self) -> None:
        """Make sure that the schema is current. Raises StoreUnusable, StoreUnavailable."""
        await prepare_schema(self._database)

    async def upgrade_schema(self) -> None:
        """Bring the schema up to date. Raises StoreUnusable, StoreUnavailable."""
        await upgrade_schema(self._database)

    def make_feed(
        self, apply: Callable[[Iterable[Revocation]], None], heard: Callable[[float], None]
    ) -> SqlFeed:
        """Return the feed of this database's revocations."""
        return SqlFeed(self._database, apply=apply, heard=heard)


@asynccontextmanager
async def open_store(url: str, *, outbox: bool) -> AsyncIterator[SqlStore]:
    """Yield the store behind `url`; `outbox` says whether revocations are also to be announced."""
    database = Database(url)
    try:
        yield SqlStore(database, outbox=outbox)
    finally:
        await database.close()
