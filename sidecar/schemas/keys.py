"""The dates of a key, as they stand in the JSON file beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from sidecar.core.claims import LATEST_DATE
from sidecar.core.keyring import Purpose
from sidecar.errors import DocumentInvalid
from sidecar.schemas.documents import show_key
from sidecar.schemas.fields import FIELD_MESSAGES, SCHEMA_MESSAGES, Parsed


@dataclass(frozen=True, slots=True)
class KeyDates:
    """What a key is for, and when (Unix seconds)."""

    purpose: Purpose
    not_before: int
    sign_until: int
    publish_until: int


class Moment(fields.Field[int]):
    """A date: RFC 3339 text with a time zone, or Unix seconds; written as text in UTC."""

    default_error_messages = FIELD_MESSAGES

    def _serialize(
        self, value: int | None, attr: str | None, obj: object, **kwargs: object
    ) -> str | None:
        return None if value is None else format_moment(value)

    def _deserialize(
        self,
        value: object,
        attr: str | None,
        data: Mapping[str, object] | None,
        **kwargs: object,
    ) -> int:
        seconds = _parse_moment(value) if type(value) is str else value
        if type(seconds) is int and 0 <= seconds <= LATEST_DATE:
            return seconds
        raise ValidationError(
            "must be a date such as 2030-01-31T12:00:00Z, or Unix seconds, before the year 10000"
        )


def _parse_moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else int(moment.timestamp() // 1)


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


def format_moment(seconds: int) -> str:
    """Return Unix seconds as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
