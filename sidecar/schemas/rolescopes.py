"""`tokens.role_scopes`: which scopes somebody has by their roles."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields

from sidecar.core.claims import LONGEST_ROLES
from sidecar.core.user import is_role
from sidecar.schemas.fields import FIELD_MESSAGES, SCOPE, Items, Parsed
from sidecar.schemas.values import parse_scope

EXPECTED: Final = "must be a mapping of roles to scopes, such as {staff: [orders:read]}"
TOO_MANY: Final = f"the scopes of all roles must be {LONGEST_ROLES} characters or fewer together"


class RoleScopes(fields.Field[dict[str, tuple[str, ...]]]):
    """The scopes of each role, sorted; together they fit into one token, whoever has all roles."""

    default_error_messages = FIELD_MESSAGES
    _scopes = Items(Parsed(parse_scope, SCOPE))

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, dict):
            raise ValidationError(EXPECTED)
        messages: dict[str, Any] = {}
        roles: dict[str, tuple[str, ...]] = {}
        for role, scopes in value.items():
            if not is_role(role):
                messages[role] = ["is not the name of a role"]
                continue
            try:
                given: Any = self._scopes.deserialize(scopes)
                roles[role] = tuple(sorted(set(given)))
            except ValidationError as error:
                messages[role] = error.messages
        if messages:
            raise ValidationError(messages)
        if len(" ".join(set().union(*roles.values()))) > LONGEST_ROLES:
            raise ValidationError(TOO_MANY)
        return roles
