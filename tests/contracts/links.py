"""A one-time link of alice, and what is done with it on a store."""

from sidecar.core.audit import Device
from sidecar.core.user import User
from sidecar.ports import Reset
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import KEEP, NOW

TTL = 3600
DESK = Device("192.0.2.1", "desk/1")
LINK = Reset("id-of-alice", "a" * 64, NOW, NOW + TTL)


async def spend(store: SqlStore, token_hash: str = LINK.token_hash, now: int = NOW) -> bool:
    """Spend a link, and say whether it could be."""
    spent = await store.resets.spend_reset(
        token_hash, "another hash", DESK, now, admin_role="admin", keep_after=KEEP
    )
    return spent is not None


async def find(store: SqlStore, now: int = NOW) -> User | None:
    """Return whose link it is."""
    return await store.resets.find_reset(LINK.token_hash, now, admin_role="admin")


async def hash_of(store: SqlStore, name: str = "alice") -> str:
    """Return the password hash of somebody."""
    account = await store.sessions.find_account(name)
    assert account is not None
    return account.password_hash
