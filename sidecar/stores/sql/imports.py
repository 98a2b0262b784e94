"""People who are brought along and taken away: a batch of them is one transaction."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.revocation import Level
from sidecar.errors import NameTaken, StoreUnavailable
from sidecar.ports import Differs, Newcomer, Outcome
from sidecar.stores.sql.audit import write_events
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.rows import read_user
from sidecar.stores.sql.tables import revocations, users
from sidecar.stores.sql.userrows import make_row, refusing_taken, tell_user

COMPARED: Final = ("email", "name", "roles", "disabled")  # what a source says of somebody
TRIES: Final = 3  # of a batch in which another process takes a name at the same moment


class SqlImports:
    """The port ImportStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_newcomers(
        self, newcomers: Sequence[Newcomer], source: str, by: Author, now: int
    ) -> Sequence[Outcome | Differs]:
        """Keep those whom nobody is yet, and say what became of each."""
        for _ in range(TRIES):
            with suppress(NameTaken):
                return await self._add(newcomers, source, by, now)
        raise StoreUnavailable("others add the same people at this moment; try again")

    async def _add(
        self, newcomers: Sequence[Newcomer], source: str, by: Author, now: int
    ) -> Sequence[Outcome | Differs]:
        async with self._database.write() as connection:
            outcomes = await _compare(connection, newcomers)
            added = [
                newcomer
                for newcomer, outcome in zip(newcomers, outcomes, strict=True)
                if outcome is Outcome.ADDED
            ]
            if added:
                epochs = await _read_epochs(connection, added)
                rows = [
                    make_row(each.user, each.password_hash, epochs.get(each.user.id, 0))
                    for each in added
                ]
                with refusing_taken("of a batch"):
                    await connection.execute(sa.insert(users), rows)
                await write_events(connection, [_tell(each, source, by, now) for each in added])
        return outcomes

    async def compare_newcomers(self, newcomers: Sequence[Newcomer]) -> Sequence[Outcome | Differs]:
        """Say what would become of each."""
        async with self._database.read() as connection:
            return await _compare(connection, newcomers)

    async def read_newcomers(self, after: str, limit: int) -> Sequence[Newcomer]:
        """Return the first `limit` users by username that come behind `after`."""
        query = sa.select(users).where(users.c.username > after).order_by(users.c.username)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.limit(limit))).mappings()
            return [Newcomer(read_user(row), row["password_hash"], known=True) for row in rows]


async def _compare(
    connection: AsyncConnection, newcomers: Sequence[Newcomer]
) -> list[Outcome | Differs]:
    names = [each.user.username for each in newcomers]
    ids = [each.user.id for each in newcomers if each.known]
    query = sa.select(users).where(users.c.username.in_(names) | users.c.id.in_(ids))
    rows = (await connection.execute(query)).mappings().all()
    by_name = {row["username"]: row for row in rows}
    taken_ids = {row["id"] for row in rows}
    return [_judge(each, by_name.get(each.user.username), taken_ids) for each in newcomers]


def _judge(newcomer: Newcomer, row: RowMapping | None, taken_ids: set[str]) -> Outcome | Differs:
    user = newcomer.user
    if row is None:
        return Outcome.ID_TAKEN if newcomer.known and user.id in taken_ids else Outcome.ADDED
    there = read_user(row)
    fields = [name for name in COMPARED if getattr(there, name) != getattr(user, name)]
    if newcomer.known and there.id != user.id:
        fields.insert(0, "id")
    if row["password_hash"] != newcomer.password_hash:
        fields.append("password_hash")
    return Differs(tuple(fields)) if fields else Outcome.THERE


async def _read_epochs(
    connection: AsyncConnection, newcomers: Sequence[Newcomer]
) -> Mapping[str, int]:
    """Return the epochs of those who were here before and were removed: older tokens are refused.

    An id that comes back begins where it ended, or its new tokens would be refused, too.
    """
    subject = revocations.c.subject
    query = (
        sa.select(subject, sa.func.max(revocations.c.epoch))
        .where(
            revocations.c.level == Level.USER.value,
            subject.in_([each.user.id for each in newcomers if each.known]),
        )
        .group_by(subject)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


def _tell(newcomer: Newcomer, source: str, by: Author, now: int) -> AuditEvent:
    details = {"after": tell_user(newcomer.user), "source": source}
    return AuditEvent(now, Action.USER_ADDED, by.actor, newcomer.user.id, by.device, details)
