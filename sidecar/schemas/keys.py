"""The dates of a key, as they stand in the JSON file beside it."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from marshmallow import Schema, ValidationError, post_load, validates_schema

from sidecar.core.keyring import KeyDates, Purpose
from sidecar.errors import DocumentInvalid
from sidecar.schemas.documents import show_key
from sidecar.schemas.fields import SCHEMA_MESSAGES, Moment, Parsed


def _parse_purpose(text: str) -> Purpose | None:
    return Purpose(text) if text in set(Purpose) else None


class KeyDatesSchema(Schema):
    """The members of the file, all of them required and no others."""

    error_messages = SCHEMA_MESSAGES

    purpose = Parsed(_parse_purpose, "must be token or cookie", required=True)
    not_before = Moment(required=True)
    sign_until = Moment(required=True)
    publish_until = Moment(required=True)

    @validates_schema
    def validate_order(self, data: Mapping[str, object], **kwargs: object) -> None:
        """Refuse a key that is published shorter than it signs."""
        not_before, sign_until, publish_until = (
            int(str(data[key])) for key in ("not_before", "sign_until", "publish_until")
        )
        if not not_before < sign_until <= publish_until:
            raise ValidationError("must be not_before < sign_until <= publish_until")

    @post_load
    def make(self, data: Mapping[str, object], **kwargs: object) -> KeyDates:
        """Return the dates as their type."""
        return KeyDates(**data)  # type: ignore[arg-type]  # the fields have just judged each member


def parse_key_dates(octets: bytes, name: str) -> KeyDates:
    """Return the dates that the JSON file `name` holds. Raises DocumentInvalid."""
    try:
        members = json.loads(
            octets.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse
        )
    except _DoubledError:
        raise DocumentInvalid((f"{name}: has a member that stands twice",)) from None
    except (ValueError, RecursionError):
        raise DocumentInvalid((f"{name}: is not JSON",)) from None
    if not isinstance(members, dict):
        raise DocumentInvalid((f"{name}: is not a JSON object",))
    try:
        dates: KeyDates = KeyDatesSchema().load(members)
    except ValidationError as error:
        raise DocumentInvalid(
            tuple(
                f"{name}: {'' if key == '_schema' else f'{show_key(key)}: '}{' '.join(texts)}"
                for key, texts in sorted(error.messages_dict.items())
            )
        ) from None
    return dates


class _DoubledError(Exception):
    """A member that two readers could read differently."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DoubledError
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def dump_key_dates(dates: KeyDates) -> bytes:
    """Return the JSON file of these dates."""
    return (json.dumps(KeyDatesSchema().dump(dates), indent=2) + "\n").encode("ascii")
