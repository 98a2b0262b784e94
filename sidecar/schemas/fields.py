"""The fields of our schemas: a text and what parses it, a date, a list, one of some words."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from marshmallow import ValidationError, fields, validate

from sidecar.core.claims import LATEST_DATE
from sidecar.core.text import is_plain_text
from sidecar.schemas.documents import suggest
from sidecar.schemas.values import LONGEST_TEXT, parse_duration

T = TypeVar("T")

# Of every field and schema of ours, in the words of all other problems.
FIELD_MESSAGES: Final[dict[str, Any]] = {"null": "must have a value", "required": "is missing"}
SCHEMA_MESSAGES: Final[dict[str, Any]] = {"unknown": "is not known"}

MOST_ITEMS: Final = 512  # of a list in a request: each is judged, and what is wrong is told of each

# JSON Schema of texts, where it can say less than their parsers: those judge whole characters.
ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
SCOPE_SHAPE: Final[dict[str, Any]] = {"pattern": r"^[!#-\[\]-~]+$"}

SCOPE: Final = "must be a scope: visible ASCII without quotation mark and backslash (RFC 6749)"

_DIGITS: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class Parsed(fields.Field[T]):
    """A text that a function parses; `expected` says what it must be.

    `metadata` says so in the words of JSON Schema, as far as that can. A value is never told back:
    it may be a secret in the wrong place.
    """

    default_error_messages = FIELD_MESSAGES

    def __init__(self, parse: Callable[[str], T | None], expected: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parse = parse
        self.expected = expected

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> T:
        parsed = self._parse(value) if type(value) is str else None
        if parsed is None:
            quote = "; quote it" if isinstance(value, int) and self._parse(str(value)) else ""
            raise ValidationError(self.expected + quote)
        return parsed


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


def format_moment(seconds: int) -> str:
    """Return Unix seconds as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Items(fields.List[Any]):
    """A list, with `most` of at most so many items, which are counted before one is judged."""

    default_error_messages = FIELD_MESSAGES | {"invalid": "must be a list, such as [a, b]"}

    def __init__(self, inner: fields.Field[Any], *, most: int | None = None, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self._most = most
        if most is not None:
            self.metadata = {"maxItems": most, **self.metadata}

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if self._most is not None and type(value) is list and len(value) > self._most:
            raise ValidationError(f"must be at most {self._most}")
        return super()._deserialize(value, attr, data, **kwargs)


class OneOrMore(Items):
    """A list, or one of its items."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if type(value) is list:
            return super()._deserialize(value, attr, data, **kwargs)
        return [self.inner.deserialize(value, attr, data, **kwargs)]


def duration(least: str, most: str, **kwargs: Any) -> Parsed[int]:
    """Return a field for a duration in seconds, between two bounds that are spelled alike."""
    low, high = parse_duration(least), parse_duration(most)
    if low is None or high is None:
        raise TypeError("the bounds are durations")

    def judge(seconds: int) -> None:
        if not low <= seconds <= high:
            raise ValidationError(f"must be {least} to {most}")

    expected = "must be a duration such as 30s, 10m, 12h or 30d"
    return Parsed(parse_duration, expected, validate=judge, **kwargs)


def whole_number(least: int, most: int, unit: str = "", **kwargs: Any) -> fields.Integer:
    """Return a field for a number between two bounds."""
    return fields.Integer(
        strict=True,
        validate=validate.Range(least, most, error=f"must be {{min}} to {{max}}{unit}"),
        error_messages={"invalid": "must be a whole number", "null": "must have a value"},
        **kwargs,
    )


def digits(most: int, **kwargs: Any) -> Parsed[int]:
    """Return a field for a number from 1 on that is written in digits, as a query has it."""

    def parse(text: str) -> int | None:
        number = int(text) if _DIGITS.fullmatch(text) else 0
        return number if 1 <= number <= most else None

    shape = {"type": "integer", "minimum": 1, "maximum": most}
    return Parsed(parse, f"must be a whole number from 1 to {most}", metadata=shape, **kwargs)


def choice(*words: str) -> Parsed[str]:
    """Return a field for one of these words."""
    expected = f"must be {', '.join(words[:-1])} or {words[-1]}"

    def parse(text: str) -> str:
        if text not in words:
            raise ValidationError(expected + suggest(text, words))
        return text

    return Parsed(parse, expected, metadata={"enum": list(words)})


def words(longest: int = LONGEST_TEXT, **kwargs: Any) -> Parsed[str]:
    """Return a field for text on one line."""

    def parse(text: str) -> str | None:
        return text if 0 < len(text) <= longest and is_plain_text(text) else None

    expected = f"must be text of 1 to {longest} characters, none of them a control character"
    shape = {"minLength": 1, "maxLength": longest, "pattern": ONE_LINE}
    return Parsed(parse, expected, metadata=shape, **kwargs)
