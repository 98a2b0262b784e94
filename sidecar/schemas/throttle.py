"""Attempts to log in as JSON."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from sidecar.schemas.fields import Moment


class TallySchema(Schema):
    """How often somebody tried; `until` is when the next attempt may be made, null: now."""

    kind = fields.String()
    who = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    count = fields.Integer()
    last = Moment()
    until = Moment(allow_none=True)


def dump_tally(row: Mapping[str, object]) -> dict[str, Any]:
    """Return the JSON of a tally whose moments are Unix seconds."""
    members: dict[str, Any] = TallySchema().dump(row)
    return members
