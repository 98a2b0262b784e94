"""The audit trail as JSON, and what may be asked of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, fields

from sidecar.core.audit import Action, AuditQuery, AuditRecord
from sidecar.schemas.fields import SCHEMA_MESSAGES, Moment, Parsed, choice, words
from sidecar.schemas.requests import load_fields

DEFAULT_LIMIT: Final = 100  # rows
MOST_ROWS: Final = 1000  # of one answer
LONGEST_PARTY: Final = 64  # characters of an actor or a subject, as the columns hold them
LARGEST_ID: Final = 2**63 - 1

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def _number(most: int, **kwargs: Any) -> Parsed[int]:
    """Return a field for a number that is written in digits, as a query has it."""

    def parse(text: str) -> int | None:
        number = int(text) if _NUMBER.fullmatch(text) else 0
        return number if 1 <= number <= most else None

    return Parsed(parse, f"must be a whole number from 1 to {most}", **kwargs)


class _RecordSchema(Schema):
    id = fields.Integer()
    at = Moment()
    action = fields.String()
    actor = fields.String()
    subject = fields.String()
    address = fields.String(attribute="device.address")
    user_agent = fields.String(attribute="device.user_agent")
    details = fields.Raw()


class _QuerySchema(Schema):
    error_messages = SCHEMA_MESSAGES

    limit = _number(MOST_ROWS)
    after = _number(LARGEST_ID, attribute="before")  # the newest first: what follows is older
    action = choice(*Action)
    actor = words(LONGEST_PARTY)
    subject = words(LONGEST_PARTY)


def dump_audit(record: AuditRecord) -> dict[str, Any]:
    """Return the JSON of a row; what is not known is None."""
    members: dict[str, Any] = _RecordSchema().dump(record)
    return members


def load_audit_query(members: Mapping[str, str]) -> AuditQuery:
    """Return what is looked for. Raises FieldsInvalid.

    `members` are `limit`, `after`, `action`, `actor` and `subject`, each of which may be missing.
    """
    values = load_fields(_QuerySchema(), members)
    if "action" in values:
        values["action"] = Action(values["action"])
    return AuditQuery(**{"limit": DEFAULT_LIMIT, **values})
