"""A personal token as JSON, and what its fields may be."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, fields, validate

from sidecar.core.personal import (
    LONGEST_TOKEN_LIFE,
    LONGEST_TOKEN_NAME,
    MOST_NETWORKS,
    PersonalToken,
    is_token_name,
)
from sidecar.schemas.fields import (
    MOST_ITEMS,
    ONE_LINE,
    SCHEMA_MESSAGES,
    SCOPE,
    SCOPE_SHAPE,
    Items,
    Moment,
    Parsed,
    whole_number,
)
from sidecar.schemas.requests import load_fields
from sidecar.schemas.values import parse_network, parse_scope

NAME: Final = (
    f"must be 1 to {LONGEST_TOKEN_NAME} characters, no control character and no space at either end"
)
NAME_SHAPE: Final = {"minLength": 1, "maxLength": LONGEST_TOKEN_NAME, "pattern": ONE_LINE}
NETWORK: Final = "must be a network such as 10.0.0.0/8, or one address"


def _parse_name(text: str) -> str | None:
    return text if is_token_name(text) else None


class TokenSchema(Schema):
    """What stands in the JSON of a token; its text is in the answer that made it alone."""

    error_messages = SCHEMA_MESSAGES

    id = fields.String(dump_only=True)
    name = Parsed(_parse_name, NAME, required=True, metadata=NAME_SHAPE)
    scopes = Items(Parsed(parse_scope, SCOPE, metadata=SCOPE_SHAPE), most=MOST_ITEMS)
    networks = Items(
        Parsed(parse_network, NETWORK, metadata={"pattern": r"^[0-9A-Fa-f.:/]+$"}),
        most=MOST_NETWORKS,
        allow_none=True,
        validate=validate.Length(1, MOST_NETWORKS, error="must be {min} to {max}, or left out"),
    )
    expires_in = whole_number(1, LONGEST_TOKEN_LIFE, " seconds", load_only=True)
    created_at = Moment(dump_only=True)
    expires_at = Moment(dump_only=True)
    used_at = Moment(dump_only=True, allow_none=True)


class NewTokenSchema(TokenSchema):
    """What makes a personal token; without `networks` it is good from anywhere."""


def dump_token(token: PersonalToken) -> dict[str, Any]:
    """Return the JSON of a token; `networks` is null where it is good from anywhere."""
    members: dict[str, Any] = TokenSchema().dump(token)
    return {**members, "networks": [str(each) for each in token.networks] or None}


def load_token_fields(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a token to be: `expires_in` is seconds.

    No networks are there where it is to be good from anywhere. An empty list of them is refused:
    as one of a rule it would match nobody. Raises FieldsInvalid.
    """
    values = load_fields(NewTokenSchema(), members)
    for name in ("scopes", "networks"):
        if name in values:
            values[name] = tuple(dict.fromkeys(values[name] or ()))
    return values
