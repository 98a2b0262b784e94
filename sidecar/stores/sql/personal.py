"""Personal tokens, with their owners as they are today."""

import json
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Final

import sqlalchemy as sa
from sqlalchemy import RowMapping

from sidecar.core.audit import AuditEvent
from sidecar.core.personal import MOST_TOKENS, PersonalToken
from sidecar.core.revocation import Level, Revocation
from sidecar.errors import NotFound, TooManyTokens
from sidecar.ports import Entry, OwnedToken
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.revocations import SqlRevocations
from sidecar.stores.sql.rows import dump_list, read_user
from sidecar.stores.sql.tables import deployment, personal_tokens, sessions, users

_TOKEN: Final = tuple(column.label(f"t_{column.name}") for column in personal_tokens.c)
_OWNED: Final = (
    sa.select(users, deployment.c.epoch.label("everyone"), *_TOKEN)
    .join_from(personal_tokens, users, personal_tokens.c.user_id == users.c.id)
    .join(deployment, deployment.c.id == 1)
)


class SqlPersonalTokens:
    """The port PersonalTokenStore."""

    def __init__(self, database: Database, log: SqlRevocations) -> None:
        self._database = database
        self._log = log

    async def add_token(
        self,
        token: PersonalToken,
        token_hash: str,
        event: AuditEvent,
        *,
        sid: str | None,
        epoch: tuple[int, int] | None,
    ) -> bool:
        """Keep a new token; False for an owner who is gone or disabled, or a session that ended.

        It is False, too, where an epoch has moved: a session that goes on behind a new password
        must not keep what was asked for before it.

        Who ends the sessions of the owner, or of everyone, at the same moment waits for the rows
        that are locked here, and then finds the token; or was first, and is found. Raises
        TooManyTokens.
        """
        # In this order, as a change of the user locks them. The owner's row for nobody else who
        # adds: the bound holds, however many do so at once.
        everyone = sa.select(deployment.c.id).where(deployment.c.id == 1)
        owner = sa.select(users.c.id).where(
            users.c.id == token.user_id, users.c.disabled.is_(False)
        )
        if epoch is not None:
            everyone = everyone.where(deployment.c.epoch == epoch[0])
            owner = owner.where(users.c.epoch == epoch[1])
        looks = [everyone.with_for_update(read=True), owner.with_for_update(key_share=True)]
        if sid is not None:
            own = sa.and_(sessions.c.sid == sid, sessions.c.user_id == token.user_id)
            looks.append(sa.select(sessions.c.sid).where(own).with_for_update(read=True))
        living = sa.select(sa.func.count()).where(
            personal_tokens.c.user_id == token.user_id,
            personal_tokens.c.expires_at > token.created_at,
        )
        async with self._database.write() as connection:
            for look in looks:
                if (await connection.execute(look)).one_or_none() is None:
                    return False
            if (await connection.execute(living)).scalar_one() >= MOST_TOKENS:
                raise TooManyTokens(f"a person has at most {MOST_TOKENS} personal tokens")
            await connection.execute(
                sa.insert(personal_tokens).values(
                    id=token.id,
                    user_id=token.user_id,
                    name=token.name,
                    scopes=dump_list(token.scopes),
                    networks=dump_list(tuple(map(str, token.networks))),
                    token_hash=token_hash,
                    created_at=token.created_at,
                    expires_at=token.expires_at,
                    used_at=token.used_at,
                )
            )
            await write_event(connection, event)
        return True

    async def list_tokens(self, user_id: str | None, now: int) -> Sequence[OwnedToken]:
        """Return the tokens of a user, or everybody's, that have not expired."""
        query = _OWNED.where(personal_tokens.c.expires_at > now).order_by(
            users.c.username, personal_tokens.c.created_at.desc(), personal_tokens.c.id
        )
        if user_id is not None:
            query = query.where(users.c.id == user_id)
        async with self._database.read() as connection:
            return [_read_owned(row) for row in (await connection.execute(query)).mappings()]

    async def find_token(self, token_id: str) -> OwnedToken | None:
        """Return a token, whether or not it is still good, in one statement."""
        query = _OWNED.where(personal_tokens.c.id == token_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else _read_owned(row)

    async def remove_token(
        self, token_id: str, user_id: str | None, event: AuditEvent, *, forget_at: int
    ) -> tuple[Entry, ...]:
        """Delete a token's row and refuse all that bears its id as `sid`. Raises NotFound."""
        remove = sa.delete(personal_tokens).where(personal_tokens.c.id == token_id)
        if user_id is not None:
            remove = remove.where(personal_tokens.c.user_id == user_id)
        told = remove.returning(personal_tokens.c.user_id, personal_tokens.c.name)
        async with self._database.write(log=True) as connection:
            row = (await connection.execute(told)).mappings().one_or_none()
            if row is None:
                raise NotFound(f"there is no personal token {token_id!r}")
            await write_event(connection, replace(event, details={**event.details, **row}))
            entry = Revocation(Level.SESSION, token_id, 0, forget_at)
            return await self._log.record(connection, entry)


def _read_owned(row: RowMapping) -> OwnedToken:
    token = PersonalToken(
        id=row["t_id"],
        user_id=row["t_user_id"],
        name=row["t_name"],
        scopes=tuple(json.loads(row["t_scopes"])),
        networks=tuple(map(ip_network, json.loads(row["t_networks"]))),
        created_at=row["t_created_at"],
        expires_at=row["t_expires_at"],
        used_at=row["t_used_at"],
    )
    return OwnedToken(token, row["t_token_hash"], read_user(row), (row["everyone"], row["epoch"]))
