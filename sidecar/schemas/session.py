"""A session as its owner sees it."""

from typing import Any

from marshmallow import Schema, fields

from sidecar.core.session import Session, SessionKind
from sidecar.schemas.fields import Moment


class SessionSchema(Schema):
    """What stands in the session JSON: nothing that could be used as a credential."""

    sid = fields.String()
    kind = fields.Enum(SessionKind, by_value=True)
    created_at = Moment()
    used_at = Moment()
    expires_at = Moment()
    address = fields.String(attribute="device.address", allow_none=True)
    user_agent = fields.String(attribute="device.user_agent", allow_none=True)
    current = fields.Boolean()


def dump_session(session: Session, *, current: bool) -> dict[str, Any]:
    """Return the session JSON; `current`: it is the one that asks."""
    members: dict[str, Any] = SessionSchema().dump(session)
    return members | {"current": current}
