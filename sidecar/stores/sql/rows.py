"""Rows become types, and back."""

import json

from sqlalchemy import RowMapping

from sidecar.core.audit import Device
from sidecar.core.session import Session, SessionKind
from sidecar.core.user import User


def dump_list(items: tuple[str, ...]) -> str:
    """Return a list as JSON text."""
    return json.dumps(items)


def read_user(row: RowMapping) -> User:
    """Return the user of a row of `users`."""
    return User(
        id=row["id"],
        username=row["username"],
        email=row["email"],
        name=row["name"],
        roles=tuple(json.loads(row["roles"])),
        disabled=row["disabled"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def read_session(row: RowMapping) -> Session:
    """Return the session of a row whose columns are prefixed with `s_`."""
    return Session(
        sid=row["s_sid"],
        user_id=row["s_user_id"],
        kind=SessionKind(row["s_kind"]),
        generation=row["s_generation"],
        created_at=row["s_created_at"],
        rotated_at=row["s_rotated_at"],
        tokens_until=row["s_tokens_until"],
        expires_at=row["s_expires_at"],
        amr=tuple(json.loads(row["s_amr"])),
        used_at=row["s_used_at"],
        device=Device(row["s_address"], row["s_user_agent"]),
    )
