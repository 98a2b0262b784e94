"""The bodies of requests: read strictly, then judged field by field."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NoReturn, TypeVar
from urllib.parse import parse_qsl

from marshmallow import Schema, ValidationError, fields, validate

from sidecar.core.totp import LONGEST_OTP
from sidecar.core.user import LONGEST_PASSWORD
from sidecar.errors import BodyMalformed, FieldsInvalid

LONGEST_TYPED_NAME: Final = 256  # characters of a username before it is made canonical
LONGEST_FIELD: Final = 16_384  # characters of any other text
MOST_FIELDS: Final = 32  # of a form or a JSON object

T = TypeVar("T")

_CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Text(fields.String):
    """Text without control characters and lone surrogates, of at most so many characters."""

    shape: Final = r"^[^\x00-\x1f\x7f]*$"  # in JSON Schema

    def __init__(self, longest: int = LONGEST_FIELD, **kwargs: Any) -> None:
        super().__init__(validate=[validate.Length(min=1, max=longest), _judge_text], **kwargs)


class Switch(fields.Field[bool]):
    """A JSON boolean and nothing that resembles one."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if type(value) is not bool:
            raise ValidationError("must be true or false")
        return value


def _judge_text(text: str) -> None:
    if _CONTROL.search(text):
        raise ValidationError("has control characters or unpaired surrogates")


@dataclass(frozen=True, slots=True)
class Body(Generic[T]):
    """A shape of body: the schema that judges it and the type that comes out."""

    schema: Schema  # to make it takes longer than to use it
    make: type[T]


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """`POST /login` as JSON."""

    username: str
    password: str = field(repr=False)
    otp: str | None = field(default=None, repr=False)
    remember: bool = False
    cookie: bool = False


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """`POST /refresh`."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """`POST /logout` as JSON."""

    everywhere: bool = False
    refresh_token: str | None = field(default=None, repr=False)


class _LoginSchema(Schema):
    username = Text(LONGEST_TYPED_NAME, required=True)
    password = Text(LONGEST_PASSWORD, required=True)
    otp = Text(LONGEST_OTP)
    remember = Switch()
    cookie = Switch()


class _RefreshSchema(Schema):
    refresh_token = Text(required=True)


class _LogoutSchema(Schema):
    everywhere = Switch()
    refresh_token = Text()


LOGIN_REQUEST: Final = Body(_LoginSchema(), LoginRequest)
REFRESH_REQUEST: Final = Body(_RefreshSchema(), RefreshRequest)
LOGOUT_REQUEST: Final = Body(_LogoutSchema(), LogoutRequest)


def load_body(body: Body[T], members: Mapping[str, Any]) -> T:
    """Return the members as their type. Raises FieldsInvalid."""
    return body.make(**load_fields(body.schema, members))


def load_fields(schema: Schema, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that a schema lets pass. Raises FieldsInvalid with a JSON pointer each."""
    try:
        values: dict[str, Any] = schema.load(members)
    except ValidationError as error:
        raise FieldsInvalid(tuple(_flatten(error.messages, ""))) from None
    return values


def _flatten(messages: Any, pointer: str) -> list[tuple[str, str]]:
    """Return marshmallow's nested messages as (JSON pointer, text); RFC 6901 section 3."""
    if not isinstance(messages, Mapping):
        return [(pointer, str(text)) for text in messages]
    flat: list[tuple[str, str]] = []
    for key, inner in messages.items():
        token = _visible(str(key)).replace("~", "~0").replace("/", "~1")
        flat.extend(_flatten(inner, pointer if key == "_schema" else f"{pointer}/{token}"))
    return flat


def _visible(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")[:64]


def parse_json(octets: bytes) -> dict[str, Any]:
    """Return the members of a JSON object in UTF-8. Raises BodyMalformed.

    Doubled members, NaN and other encodings are refused: another reader would see other values.
    """
    try:
        value = json.loads(
            octets.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        told = error.args[0] if isinstance(error, _NotStrictError) else "is not JSON in UTF-8"
        raise BodyMalformed(f"the body {told}") from None
    if not isinstance(value, dict):
        raise BodyMalformed("the body is not a JSON object")
    return value


def parse_form(octets: bytes) -> dict[str, str]:
    """Return the fields of a form, each of which stands once. Raises BodyMalformed."""
    pairs = parse_pairs(octets)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BodyMalformed("a field of the form stands twice")
    return form


def parse_pairs(octets: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form in their order (WHATWG URL, 5.1). Raises BodyMalformed."""
    try:
        return parse_qsl(
            octets.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(octets),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise BodyMalformed("the body is not a form in UTF-8") from None


class _NotStrictError(ValueError):
    """JSON that two readers could read differently."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:  # each unknown one would be told back
        raise _NotStrictError(f"has an object of more than {MOST_FIELDS} members")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrictError("has a member that stands twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise _NotStrictError(f"has {constant}, which is not JSON")
