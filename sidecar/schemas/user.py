"""The user JSON, and what a user's fields may be."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validates_schema

from sidecar.core.claims import LONGEST_ROLES, MOST_ROLES
from sidecar.core.user import (
    User,
    canonical_username,
    is_email,
    is_name,
    is_role,
    roles_fit,
)
from sidecar.schemas.fields import SCHEMA_MESSAGES, Items, Moment, Parsed
from sidecar.schemas.requests import load_fields

USERNAME: Final = (
    "must be 1 to 64 letters, digits or signs of one script, without space, `:` and `,`"
)
NAME: Final = "must be 1 to 256 characters, no control character and no space at either end"
ROLE: Final = "must be 1 to 64 of A-Z a-z 0-9 . _ : / -, a letter or digit first"
ROLES: Final = f"must be {MOST_ROLES} or fewer, of {LONGEST_ROLES} characters or fewer together"


def _parse_email(text: str) -> str | None:
    return text if not text or is_email(text) else None


def _parse_name(text: str) -> str | None:
    return text if not text or is_name(text) else None


def _parse_role(text: str) -> str | None:
    return text if is_role(text) else None


class UserSchema(Schema):
    """What stands in the user JSON. An empty `email` or `name` is none."""

    error_messages = SCHEMA_MESSAGES

    id = fields.String(dump_only=True)
    username = Parsed(canonical_username, USERNAME, required=True)
    email = Parsed(_parse_email, "is not an e-mail address", allow_none=True)
    name = Parsed(_parse_name, NAME, allow_none=True)
    roles = Items(Parsed(_parse_role, ROLE))
    disabled = fields.Boolean(dump_only=True)
    created_at = Moment(dump_only=True)
    updated_at = Moment(dump_only=True)

    @validates_schema
    def judge_sum(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse more roles than travel with every request."""
        if not roles_fit(tuple(set(data.get("roles", ())))):
            raise ValidationError(ROLES, "roles")


def dump_user(user: User) -> dict[str, Any]:
    """Return the user JSON; what a user does not have is None."""
    members: dict[str, Any] = UserSchema().dump(user)
    return members


def load_user_fields(members: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of a user as they are kept; `partial` lets any be left out.

    Roles are a sorted tuple without repetitions. What a new user does not have is None; in a change
    an empty text says so. Raises FieldsInvalid.
    """
    values = load_fields(UserSchema(partial=partial), members)
    if not partial:
        values = {key: None if value == "" else value for key, value in values.items()}
    if "roles" in values:
        values["roles"] = tuple(sorted(set(values["roles"])))
    return values
