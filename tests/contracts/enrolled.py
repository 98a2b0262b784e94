"""People who have a second factor, and what they prove with it."""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.core.audit import OPERATOR, Action, AuditEvent, AuditQuery, Device
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason
from sidecar.ports import Entry, Factor, Proof, RecoveryProof
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import BOUND, NOW, REFRESH_TTL, add_user, make_session

STEP = NOW // 30
HASHES = ("a" * 64, "b" * 64, "c" * 64)
DESK = Device("192.0.2.1", "a browser")
SPENT = Deny(Reason.OTP_INVALID)


def make_factor(user: User, factor_id: str = "f-1", at: int = NOW) -> Factor:
    return Factor(factor_id, user.id, f"sealed {factor_id}", 0, at)


def enabled(user: User, at: int = NOW) -> AuditEvent:
    return AuditEvent(at, Action.OTP_ENABLED, user.id, user.id, DESK)


def disabled(user: User) -> AuditEvent:
    return AuditEvent(NOW, Action.OTP_DISABLED, OPERATOR, user.id)


def recovery(user: User, code_hash: str = HASHES[0]) -> RecoveryProof:
    event = AuditEvent(NOW, Action.OTP_RECOVERED, user.id, user.id, DESK)
    return RecoveryProof(code_hash, event)


async def enrol(store: SqlStore, username: str = "alice", factor_id: str = "f-1") -> User:
    """Add somebody who has a second factor."""
    user = await add_user(store, username)
    factor = make_factor(user, factor_id)
    assert await store.factors.add_pending(factor)
    assert await store.factors.confirm_factor(factor, STEP, HASHES, enabled(user))
    return user


async def log_in(
    store: SqlStore, user: User, proof: Proof | None, sid: str = "s-1", most: int = BOUND.most
) -> Sequence[Entry] | Deny | None:
    """Open a session with the epochs of a user whom nobody changed."""
    bound = replace(BOUND, most=most)
    return await store.sessions.add_session(make_session(user, sid), (0, 0), bound, proof)


async def find_factor(store: SqlStore, username: str = "alice") -> Factor | None:
    account = await store.sessions.find_account(username)
    assert account is not None
    return account.factor


async def list_sids(store: SqlStore, user: User) -> set[str]:
    listed = await store.sessions.list_sessions(user.id, now=NOW, refresh_ttl=REFRESH_TTL)
    return {each.sid for each in listed}


async def read_actions(store: SqlStore) -> list[str]:
    """Return what the trail says of second factors, the newest first."""
    records = await store.audit.read_events(AuditQuery(100))
    return [each.action for each in records if each.action.startswith("otp.")]
