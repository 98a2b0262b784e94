"""What somebody loses with an end: sessions, personal tokens, links, and their known devices."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.stores.sql.tables import marks, personal_tokens, resets, sessions


async def drop_credentials(
    connection: AsyncConnection, user_id: str, *, personal_tokens_too: bool, kept: str | None = None
) -> dict[str, int]:
    """Delete the sessions of a user whose epoch the caller's transaction moves, but one to keep.

    Their one-time link goes too: whoever had it made may not have been who it was made for. And
    they are known from nowhere: whoever lost the account here is a stranger. Returns how many there
    were of each kind, as the audit trail tells it.
    """
    ending = sa.delete(sessions).where(sessions.c.user_id == user_id)
    if kept is not None:
        ending = ending.where(sessions.c.sid != kept)
    ended = {"sessions": (await connection.execute(ending)).rowcount}
    for table in (resets, marks):
        await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    if personal_tokens_too:
        mine = personal_tokens.c.user_id == user_id
        dropped = await connection.execute(sa.delete(personal_tokens).where(mine))
        ended["personal_tokens"] = dropped.rowcount
    return ended
