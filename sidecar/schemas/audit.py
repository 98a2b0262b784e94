"""The audit trail as JSON, and what may be asked of it."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, fields

from sidecar.core.audit import Action, AuditQuery, AuditRecord
from sidecar.schemas.fields import SCHEMA_MESSAGES, Moment, choice, digits, words
from sidecar.schemas.requests import load_fields

DEFAULT_LIMIT: Final = 100  # rows
MOST_ROWS: Final = 1000  # of one answer
LONGEST_PARTY: Final = 64  # characters of an actor or a subject, as the columns hold them
LARGEST_ID: Final = 2**63 - 1


class RecordSchema(Schema):
    """A row of the trail; which `details` it has depends on its `action`."""

    id = fields.Integer()
    at = Moment()
    action = fields.String()
    actor = fields.String()
    subject = fields.String()
    address = fields.String(attribute="device.address", allow_none=True)
    user_agent = fields.String(attribute="device.user_agent", allow_none=True)
    details = fields.Dict()


class AuditQuerySchema(Schema):
    """Which rows are asked for."""

    error_messages = SCHEMA_MESSAGES

    limit = digits(MOST_ROWS)
    after = digits(LARGEST_ID, attribute="before")  # the newest first: what follows is older
    action = choice(*Action)
    actor = words(LONGEST_PARTY)
    subject = words(LONGEST_PARTY)


def dump_audit(record: AuditRecord) -> dict[str, Any]:
    """Return the JSON of a row; what is not known is None."""
    members: dict[str, Any] = RecordSchema().dump(record)
    return members


def load_audit_query(members: Mapping[str, str]) -> AuditQuery:
    """Return what is looked for. Raises FieldsInvalid.

    `members` are `limit`, `after`, `action`, `actor` and `subject`, each of which may be missing.
    """
    values = load_fields(AuditQuerySchema(), members)
    if "action" in values:
        values["action"] = Action(values["action"])
    return AuditQuery(**{"limit": DEFAULT_LIMIT, **values})
