"""The user JSON, and what a user's fields may be."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validates_schema

from sidecar.core.claims import LONGEST_ROLES, MOST_ROLES
from sidecar.core.text import is_plain_text
from sidecar.core.user import (
    LONGEST_PASSWORD,
    User,
    canonical_email,
    canonical_name,
    canonical_username,
    is_role,
    roles_fit,
)
from sidecar.schemas.fields import (
    FIELD_MESSAGES,
    MOST_ITEMS,
    ONE_LINE,
    SCHEMA_MESSAGES,
    Items,
    Moment,
    Parsed,
    digits,
)
from sidecar.schemas.requests import Switch, Text, load_fields

DEFAULT_PAGE: Final = 100  # users
MOST_PAGE: Final = 500
LONGEST_QUERY: Final = 254  # characters: a whole e-mail address

USERNAME: Final = (
    "must be 1 to 64 letters, digits or signs of one script, without space, `:` and `,`"
)
NAME: Final = (
    "must be 1 to 256 characters with a letter or digit, no control character and no space at"
    " either end"
)
ROLE: Final = "must be 1 to 64 of A-Z a-z 0-9 . _ : / -, a letter or digit first"
ROLES: Final = f"must be {MOST_ROLES} or fewer, of {LONGEST_ROLES} characters or fewer together"

# What JSON Schema can say: before it is made canonical, a name may be longer than after.
USERNAME_SHAPE: Final = {"minLength": 1, "maxLength": 256, "pattern": r"^[^\x00-\x20\x7f:,]+$"}
ROLE_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}"
QUERY: Final = f"must be {LONGEST_QUERY} characters or fewer, none of them a control character"


def _parse_email(text: str) -> str | None:
    return canonical_email(text) if text else text


def _parse_name(text: str) -> str | None:
    return canonical_name(text) if text else text


def _parse_role(text: str) -> str | None:
    return text if is_role(text) else None


def _parse_query(text: str) -> str | None:
    return text if len(text) <= LONGEST_QUERY and is_plain_text(text) else None


class UserSchema(Schema):
    """What stands in the user JSON. An empty `email` or `name` is none."""

    error_messages = SCHEMA_MESSAGES

    id: fields.Field[str] = fields.String(dump_only=True)
    username = Parsed(canonical_username, USERNAME, required=True, metadata=USERNAME_SHAPE)
    email = Parsed(
        _parse_email, "is not an e-mail address", allow_none=True, metadata={"maxLength": 254}
    )
    name = Parsed(
        _parse_name, NAME, allow_none=True, metadata={"maxLength": 256, "pattern": ONE_LINE}
    )
    roles = Items(
        Parsed(_parse_role, ROLE, metadata={"pattern": f"^{ROLE_PATTERN}$"}), most=MOST_ITEMS
    )
    disabled: fields.Field[bool] = fields.Boolean(dump_only=True)
    created_at: fields.Field[int] = Moment(dump_only=True)
    updated_at: fields.Field[int] = Moment(dump_only=True)

    @validates_schema
    def judge_roles(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse more roles than travel with every request."""
        if not roles_fit(tuple(set(data.get("roles", ())))):
            raise ValidationError(ROLES, "roles")


class NewUserSchema(UserSchema):
    """What makes a user; which passwords are refused, the accounts' rules say."""

    password = Text(LONGEST_PASSWORD, required=True, load_only=True, error_messages=FIELD_MESSAGES)


class UserChangeSchema(NewUserSchema):
    """What an administrator changes of a user: whatever is named."""

    disabled = Switch(error_messages=FIELD_MESSAGES)


class OwnChangeSchema(UserSchema):
    """What people change of themselves."""

    class Meta:
        """Nothing but these."""

        fields = ("email", "name")


class OwnPasswordSchema(Schema):
    """The present password of whoever calls, and the next one."""

    error_messages = SCHEMA_MESSAGES

    current_password = Text(LONGEST_PASSWORD, required=True, error_messages=FIELD_MESSAGES)
    new_password = Text(LONGEST_PASSWORD, required=True, error_messages=FIELD_MESSAGES)

    @validates_schema
    def judge_pair(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse to change a password into itself."""
        if data["current_password"] == data["new_password"]:
            raise ValidationError("must not be the present one", "new_password")


class UserPageSchema(Schema):
    """Which users are asked for: those whose username, name or e-mail holds `q`, in any case."""

    error_messages = SCHEMA_MESSAGES

    limit = digits(MOST_PAGE)
    after = Parsed(canonical_username, USERNAME, metadata=USERNAME_SHAPE)
    q = Parsed(_parse_query, QUERY, metadata={"maxLength": LONGEST_QUERY, "pattern": ONE_LINE})


def dump_user(user: User) -> dict[str, Any]:
    """Return the user JSON; what a user does not have is None."""
    members: dict[str, Any] = UserSchema().dump(user)
    return members


def load_user_fields(members: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of a user as they are kept; `partial` lets any be left out.

    Roles are a sorted tuple without repetitions. What a new user does not have is None; in a change
    an empty text says so. Raises FieldsInvalid.
    """
    return _load(UserSchema(partial=partial), members)


def load_new_user(members: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the fields of a new user, as `load_user_fields` does, and the password."""
    values = _load(NewUserSchema(), members)
    return values, values.pop("password")


def load_user_change(members: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return what an administrator changes of a user, and the password where it is among that."""
    values = _load(UserChangeSchema(partial=True), members)
    return values, values.pop("password", None)


def load_own_change(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody changes of themselves. Raises FieldsInvalid."""
    return _load(OwnChangeSchema(partial=True), members)


def load_own_password(members: Mapping[str, Any]) -> tuple[str, str]:
    """Return the present password and the next one. Raises FieldsInvalid."""
    values = load_fields(OwnPasswordSchema(), members)
    return values["current_password"], values["new_password"]


def load_user_page(members: Mapping[str, str]) -> tuple[str, int, str]:
    """Return behind which username a page begins, how long it is, and what is looked for.

    `members` are `after`, `limit` and `q`, each of which may be missing. Raises FieldsInvalid.
    """
    values = load_fields(UserPageSchema(), members)
    return values.get("after", ""), values.get("limit", DEFAULT_PAGE), values.get("q", "")


def _load(schema: UserSchema, members: Mapping[str, Any]) -> dict[str, Any]:
    values = load_fields(schema, members)
    for name in {"email", "name"} & set(values):
        none = "" if schema.partial else None
        values[name] = values[name] or none
    if "roles" in values:
        values["roles"] = tuple(sorted(set(values["roles"])))
    return values
