"""People, sessions, and the hands of somebody else in the same database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from sidecar.core.audit import EVERYONE, OPERATOR, Action, AuditEvent, Author
from sidecar.core.session import Session, SessionKind
from sidecar.core.user import User
from sidecar.ports import ChangeRules, Entry, SessionBound, UserChange
from sidecar.stores.sql import SqlStore
from sidecar.stores.sql.tables import metadata, personal_tokens, sessions

NOW = 1_800_000_000
KEEP = 7_200  # seconds that an entry outlives what it refuses
REFRESH_TTL = 30 * 86_400  # seconds after which a session is over that nobody refreshes
BOUND = SessionBound(most=100, refresh_ttl=REFRESH_TTL, keep_after=KEEP)
RULES = ChangeRules(admin_role="admin", keep_after=KEEP)
BY = Author(OPERATOR)
HASH = "$argon2id$not-a-hash"
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def make_user(username: str = "alice", *roles: str, disabled: bool = False) -> User:
    return User(
        id=f"id-of-{username}",
        username=username,
        email=f"{username}@example.com",
        name=username.title(),
        roles=roles,
        disabled=disabled,
        created_at=NOW,
        updated_at=NOW,
    )


def make_session(user: User, sid: str = "s-1", **changes: Any) -> Session:
    session = Session(
        sid=sid,
        user_id=user.id,
        kind=SessionKind.BEARER,
        generation=0,
        created_at=NOW,
        rotated_at=NOW,
        tokens_until=NOW + 600,
        expires_at=NOW + 90 * 86_400,
        amr=("pwd",),
        used_at=NOW,
    )
    return replace(session, **changes)


async def add_user(
    store: SqlStore, username: str = "alice", *roles: str, disabled: bool = False
) -> User:
    user = make_user(username, *roles, disabled=disabled)
    await store.users.add_user(user, HASH, BY)
    return user


async def change_user(
    store: SqlStore, change: UserChange, name: str = "alice", *, at: int = NOW
) -> tuple[User, tuple[Entry, ...]]:
    """Change somebody who was added by this name, as an operator does."""
    user, _, entries = await store.users.change_user(
        f"id-of-{name}", change, BY, at, seen=None, rules=RULES
    )
    return user, entries


async def remove_user(store: SqlStore, name: str = "alice", *, at: int = NOW) -> tuple[Entry, ...]:
    """Remove somebody who was added by this name, as an operator does."""
    return await store.users.remove_user(f"id-of-{name}", BY, at, seen=None, rules=RULES)


async def open_session(store: SqlStore, user: User, sid: str = "s-1", **changes: Any) -> Session:
    """Open a session with the epochs that are in force."""
    account = await store.sessions.find_account(user.username)
    assert account is not None
    session = make_session(user, sid, **changes)
    assert await store.sessions.add_session(session, account.epoch, BOUND) == ()
    return session


async def end_user(
    store: SqlStore, user_id: str = "id-of-alice", *, personal_tokens: bool = False
) -> tuple[Entry, ...]:
    """End all sessions of a user, as an operator does."""
    event = AuditEvent(NOW, Action.USER_ENDED, OPERATOR, user_id)
    return await store.revocations.end_user_sessions(
        user_id, event, keep_after=KEEP, personal_tokens=personal_tokens
    )


async def end_everyone(store: SqlStore) -> tuple[Entry, ...]:
    """End the sessions of everyone, as an operator does."""
    event = AuditEvent(NOW, Action.EVERYONE_ENDED, OPERATOR, EVERYONE)
    return await store.revocations.end_all_sessions(event)


async def add_tokens(url: str, user: User, *ids: str, expires_at: int = NOW + 1) -> None:
    """Give a user personal tokens."""
    token = {
        "user_id": user.id,
        "name": "script",
        "scopes": "[]",
        "networks": "[]",
        "token_hash": "-",
        "created_at": 1,
        "expires_at": expires_at,
    }
    async with outside(url) as connection:
        await connection.execute(sa.insert(personal_tokens), [{**token, "id": id_} for id_ in ids])
        await connection.commit()


async def add_sessions(url: str, user: User, number: int, **columns: object) -> None:
    """Open many sessions at once."""
    session = {
        "user_id": user.id,
        "kind": "cookie",
        "generation": 0,
        "created_at": 1,
        "rotated_at": 1,
        "tokens_until": 1,
        "expires_at": 1,
        "used_at": 1,
        "amr": "[]",
        **columns,
    }
    async with outside(url) as connection:
        rows = [{**session, "sid": f"s-{n}"} for n in range(number)]
        await connection.execute(sa.insert(sessions), rows)
        await connection.commit()


@asynccontextmanager
async def outside(url: str) -> AsyncIterator[AsyncConnection]:
    """Open a connection that is none of the store's; it is in a transaction from its first use."""
    parsed = sa.make_url(url)
    engine = create_async_engine(parsed.set(drivername=DRIVERS[parsed.drivername]))
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def run_sql(url: str, *statements: str) -> None:
    """Do something to the database behind the store's back."""
    async with outside(url) as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
        await connection.commit()


async def read_tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, to be compared."""
    async with outside(url) as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in await connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
        }


async def until_blocked(url: str) -> None:
    """Wait until somebody waits for a lock in this PostgreSQL database; nothing announces it."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5), outside(url) as connection:
        while not (await connection.execute(waiting)).scalar_one():
            await connection.rollback()  # within one transaction the view stands still
            await asyncio.sleep(0.01)
