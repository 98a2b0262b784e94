"""A program as JSON, and what its fields may be."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validates_schema

from sidecar.core.claims import LONGEST_ROLES, MOST_ROLES
from sidecar.core.client import (
    LONGEST_CLIENT_NAME,
    Client,
    audience_fits,
    is_client_name,
    scopes_fit,
)
from sidecar.schemas.fields import (
    FIELD_MESSAGES,
    MOST_ITEMS,
    ONE_LINE,
    SCHEMA_MESSAGES,
    SCOPE,
    SCOPE_SHAPE,
    Items,
    Moment,
    Parsed,
    digits,
    words,
)
from sidecar.schemas.requests import Switch, load_fields
from sidecar.schemas.values import LONGEST_URL, parse_scope

DEFAULT_PAGE: Final = 100  # programs
MOST_PAGE: Final = 500

NAME: Final = (
    f"must be 1 to {LONGEST_CLIENT_NAME} characters, no control character, no space at either end,"
    " and no client_id"
)
NAME_SHAPE: Final = {"minLength": 1, "maxLength": LONGEST_CLIENT_NAME, "pattern": ONE_LINE}
SCOPES: Final = f"must be {LONGEST_ROLES} characters or fewer together"
AUDIENCE: Final = (
    f"must name 1 to {MOST_ROLES} audiences, each once, of {LONGEST_ROLES} characters or fewer"
    " together"
)


def _parse_name(text: str) -> str | None:
    return text if is_client_name(text) else None


class ClientSchema(Schema):
    """What stands in the JSON of a program."""

    error_messages = SCHEMA_MESSAGES

    client_id = fields.String(dump_only=True)
    name = Parsed(_parse_name, NAME, required=True, metadata=NAME_SHAPE)
    scopes = Items(Parsed(parse_scope, SCOPE, metadata=SCOPE_SHAPE), most=MOST_ITEMS)
    audience = Items(words(LONGEST_URL), most=MOST_ITEMS)
    created_at = Moment(dump_only=True)
    updated_at = Moment(dump_only=True)

    @validates_schema
    def judge_sums(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse more than travels with every request, and tokens for nobody."""
        if not scopes_fit(tuple(set(data.get("scopes", ())))):
            raise ValidationError(SCOPES, "scopes")
        if "audience" in data and not audience_fits(data["audience"]):
            raise ValidationError(AUDIENCE, "audience")


class NewClientSchema(ClientSchema):
    """What makes a program."""


class ClientChangeSchema(ClientSchema):
    """What is changed of a program: whatever is named."""


class ClientPageSchema(Schema):
    """Which page of the programs is asked for."""

    error_messages = SCHEMA_MESSAGES

    limit = digits(MOST_PAGE)
    after = Parsed(_parse_name, NAME, metadata=NAME_SHAPE)


class RotationSchema(Schema):
    """How a program is given another secret."""

    error_messages = SCHEMA_MESSAGES

    drop_previous = Switch(error_messages=FIELD_MESSAGES)


def dump_client(client: Client) -> dict[str, Any]:
    """Return the JSON of a program, which has no secret."""
    members: dict[str, Any] = ClientSchema().dump(client)
    return members


def load_client_fields(members: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of a program as they are kept; `partial` lets any be left out.

    Scopes are sorted and stand once, the audience keeps its order. Raises FieldsInvalid.
    """
    schema = ClientChangeSchema(partial=True) if partial else NewClientSchema()
    values = load_fields(schema, members)
    if "scopes" in values:
        values["scopes"] = tuple(sorted(set(values["scopes"])))
    if "audience" in values:
        values["audience"] = tuple(values["audience"])
    return values


def load_client_page(members: Mapping[str, str]) -> tuple[str, int]:
    """Return behind which name a page of programs begins, and how long it is.

    `members` are `after` and `limit`, each of which may be missing. Raises FieldsInvalid.
    """
    values = load_fields(ClientPageSchema(), members)
    return values.get("after", ""), values.get("limit", DEFAULT_PAGE)


def load_rotation(members: Mapping[str, Any]) -> bool:
    """Return whether the secret before is to be dropped at once. Raises FieldsInvalid."""
    return bool(load_fields(RotationSchema(), members).get("drop_previous", False))
