"""From where each user has logged in: what goes with their sessions stands beside them."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

import sqlalchemy as sa

from sidecar.core.throttle import MARK_TTL, MOST_MARKS
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import deployment, marks, users

MARKS_LOCK: Final = 0x51DE_CA04


class SqlMarks:
    """The port MarkStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_marks(self, username: str, places: Collection[str], now: int) -> Collection[str]:
        """Return those of the places from which this user is known."""
        query = (
            sa.select(marks.c.place)
            .join(users, users.c.id == marks.c.user_id)
            .where(
                users.c.username == username,
                marks.c.place.in_(places),
                marks.c.forget_at > now,
            )
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalars().all()

    async def put_marks(
        self, user_id: str, epoch: tuple[int, int], places: Sequence[str], now: int
    ) -> None:
        """Let a user be known from these places, unless either epoch has moved meanwhile."""
        # By the thread of the throttle, on SQLite: in a flood that has the lock most of the time.
        await self._database.write_at_once(
            MARKS_LOCK, partial(_put_marks, user_id, epoch, places, now)
        )


def _put_marks(
    user_id: str,
    epoch: tuple[int, int],
    places: Sequence[str],
    now: int,
    connection: sa.Connection,
) -> None:
    mine = marks.c.user_id == user_id
    everyone, own = epoch
    # Whoever takes the marks away moves an epoch, and waits for these. In this order, as all others
    # lock them.
    looks = (
        sa.select(deployment.c.id)
        .where(deployment.c.id == 1, deployment.c.epoch == everyone)
        .with_for_update(read=True),
        sa.select(users.c.id)
        .where(users.c.id == user_id, users.c.epoch == own)
        .with_for_update(key_share=True),
    )
    if any(connection.execute(look).one_or_none() is None for look in looks):
        return
    connection.execute(sa.delete(marks).where(mine, marks.c.place.in_(places)))
    others = sa.select(marks.c.place).where(mine).order_by(marks.c.marked_at.desc())
    oldest = connection.execute(others).scalars().all()[MOST_MARKS - len(places) :]
    connection.execute(sa.delete(marks).where(mine, marks.c.place.in_(oldest)))
    rows = [
        {"user_id": user_id, "place": place, "marked_at": now, "forget_at": now + MARK_TTL}
        for place in places
    ]
    connection.execute(sa.insert(marks), rows)
