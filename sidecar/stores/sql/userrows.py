"""The row of a user: how it is found, begun, and told in the audit trail."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.user import User, fold_text
from sidecar.errors import NameTaken
from sidecar.stores.sql.audit import write_event
from sidecar.stores.sql.rows import dump_list
from sidecar.stores.sql.tables import users


async def insert_user(
    connection: AsyncConnection, user: User, password_hash: str, by: Author
) -> None:
    """Keep a new user, and say so in the audit trail. Raises NameTaken."""
    row = make_row(user, password_hash)
    with refusing_taken(user.username):
        await connection.execute(sa.insert(users).values(row))
    details = {"after": tell_user(user)}
    event = AuditEvent(user.created_at, Action.USER_ADDED, by.actor, user.id, by.device, details)
    await write_event(connection, event)


def make_row(user: User, password_hash: str, epoch: int = 0) -> dict[str, Any]:
    """Return the row of a new user; `epoch` is that of the tokens that are good."""
    row = {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "name": user.name,
        "roles": dump_list(user.roles),
        "disabled": user.disabled,
        "password_hash": password_hash,
        "epoch": epoch,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
    return row | {"search": find_search_text(row)}


def find_search_text(row: Mapping[str, Any]) -> str:
    """Return what a user is searched by, folded; no part of it reaches over two of the fields.

    Databases fold the case of ASCII at most, or by their locale.
    """
    texts = (row["username"], row["name"], row["email"])
    return "\n".join(fold_text(text) for text in texts if text is not None)


def tell_user(user: User) -> dict[str, object]:
    """Return what the audit trail tells of a user."""
    return {
        "username": user.username,
        "email": user.email,
        "name": user.name,
        "roles": list(user.roles),
        "disabled": user.disabled,
    }


def is_administrator(row: RowMapping, admin_role: str) -> bool:
    """Say whether a user may administer others."""
    return not row["disabled"] and admin_role in json.loads(row["roles"])


async def refuse_taken(connection: AsyncConnection, username: str) -> None:
    """Refuse a name that somebody has. Raises NameTaken."""
    query = sa.select(users.c.id).where(users.c.username == username)
    if (await connection.execute(query)).one_or_none() is not None:
        raise NameTaken(f"the username {username!r} is taken")


@contextmanager
def refusing_taken(username: str) -> Iterator[None]:
    """Refuse what another transaction took between the look and the write."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise NameTaken(f"the username {username!r} is taken") from None
