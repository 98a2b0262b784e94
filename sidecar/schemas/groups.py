"""Mappings of known keys, in which every mistake is told and the rest is still judged."""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from sidecar.schemas.documents import suggest
from sidecar.schemas.fields import FIELD_MESSAGES


class Group(fields.Field[dict[str, Any]]):
    """Keys below a key, each of which may be left out."""

    default_error_messages = FIELD_MESSAGES

    def __init__(self, schema: Schema, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be a mapping of keys")
        values, messages = judge_members(self.schema, value, self.find_unknown)
        if messages:
            raise ValidationError(messages)
        return values

    def find_unknown(self, key: str) -> str | None:
        """Return why there is no such key; None where it is known."""
        known = self.schema.fields
        return None if key in known else f"there is no such key{suggest(key, known)}"


class Switch(fields.Field[bool]):
    """True or false, and nothing that some reader takes for it."""

    default_error_messages = FIELD_MESSAGES

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if type(value) is not bool:
            raise ValidationError("must be true or false")
        return value


def judge_members(
    schema: Schema, members: Mapping[str, object], find_unknown: Callable[[str], str | None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is right of a mapping, as its types, and marshmallow's messages by key."""
    messages: dict[str, Any] = {}
    known = {}
    for key, value in members.items():
        if (unknown := find_unknown(key)) is not None:
            messages[key] = [unknown]
        else:
            known[key] = value
    try:
        values: dict[str, Any] = schema.load(known)
    except ValidationError as error:
        messages |= error.messages_dict
        right = error.valid_data if isinstance(error.valid_data, dict) else {}
        values = {key: value for key, value in right.items() if key not in messages}
    return values, messages
