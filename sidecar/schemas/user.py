"""The user JSON, and what a user's fields may be."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from sidecar.core.user import (
    User,
    canonical_username,
    is_email,
    is_name,
    is_role,
    roles_fit,
)
from sidecar.schemas.keys import Moment
from sidecar.schemas.requests import load_fields


class Username(fields.String):
    """A username, made canonical."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        name = canonical_username(value) if isinstance(value, str) else None
        if name is None:
            raise ValidationError(
                "must be 1 to 64 letters, digits or signs of one script, without space, `:` and `,`"
            )
        return name


def _judge_email(text: str) -> None:
    if text and not is_email(text):
        raise ValidationError("is not an e-mail address")


def _judge_name(text: str) -> None:
    if text and not is_name(text):
        raise ValidationError("must be 1 to 256 characters, none of them a control character")


def _judge_role(text: str) -> None:
    if not is_role(text):
        raise ValidationError("must be 1 to 64 of A-Z a-z 0-9 . _ : / -, a letter or digit first")


class UserSchema(Schema):
    """What stands in the user JSON."""

    id = fields.String(dump_only=True)
    username = Username(required=True)
    email = fields.String(allow_none=True, validate=_judge_email)
    name = fields.String(allow_none=True, validate=_judge_name)
    roles = fields.List(fields.String(validate=_judge_role))
    disabled = fields.Boolean(dump_only=True)
    created_at = Moment(dump_only=True)
    updated_at = Moment(dump_only=True)

    @validates_schema
    def judge_sum(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse more roles than travel with every request."""
        if not roles_fit(tuple(data.get("roles", ()))):
            raise ValidationError("have more than 4096 characters together", "roles")


def dump_user(user: User) -> dict[str, Any]:
    """Return the user JSON; what a user does not have is None."""
    members: dict[str, Any] = UserSchema().dump(user)
    return members


def load_user_fields(members: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of a user as they are kept; `partial` lets any be left out.

    Roles are a sorted tuple without repetitions. Raises FieldsInvalid.
    """
    values = load_fields(UserSchema(partial=partial), members)
    if "roles" in values:
        values["roles"] = tuple(sorted(set(values["roles"])))
    return values
