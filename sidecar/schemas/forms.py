"""The forms of the pages that anybody sees; `csrf` is read before them (web/csrf.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from sidecar.core.totp import LONGEST_OTP
from sidecar.core.user import LONGEST_PASSWORD
from sidecar.schemas.requests import LONGEST_TYPED_NAME, Body, Text


class Checkbox(fields.Field[bool]):
    """A box of a form: what browsers send for one that is ticked."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if value not in {"true", "on", "1", "false", ""}:
            raise ValidationError("must be true")
        return value in {"true", "on", "1"}


@dataclass(frozen=True, slots=True)
class LoginForm:
    """`POST /login` as a form; an empty `otp` is none."""

    username: str
    password: str = field(repr=False)
    otp: str = field(default="", repr=False)
    remember: bool = False
    rd: str | None = None


@dataclass(frozen=True, slots=True)
class CodeForm:
    """`POST /login/code`, the page of the second factor; an empty `otp` is none."""

    ticket: str = field(repr=False)
    otp: str = field(repr=False)
    rd: str | None = None


@dataclass(frozen=True, slots=True)
class ResetForm:
    """`POST /reset`; a program need not type the password again."""

    token: str = field(repr=False)
    new_password: str = field(repr=False)
    again: str | None = field(default=None, repr=False)
    username: str = ""


@dataclass(frozen=True, slots=True)
class LogoutForm:
    """`POST /logout` as a form."""

    everywhere: bool = False
    rd: str | None = None


class _LoginFormSchema(Schema):
    username = Text(LONGEST_TYPED_NAME, required=True)
    password = Text(LONGEST_PASSWORD, required=True)
    otp = fields.String(validate=validate.Length(max=LONGEST_OTP))
    remember = Checkbox()
    rd = fields.String()  # judged when it is used: a bad one is dropped, the login goes on


class _CodeFormSchema(Schema):
    ticket = Text(required=True)
    otp = fields.String(required=True, validate=validate.Length(max=LONGEST_OTP))
    rd = fields.String()


class _ResetFormSchema(Schema):
    token = Text(required=True)
    username = fields.String()  # for password managers: the token says whose it is
    new_password = fields.String(required=True, validate=validate.Length(max=LONGEST_PASSWORD))
    again = fields.String(validate=validate.Length(max=LONGEST_PASSWORD))


class _LogoutFormSchema(Schema):
    everywhere = Checkbox()
    rd = fields.String()


LOGIN_FORM: Final = Body(_LoginFormSchema(), LoginForm)
CODE_FORM: Final = Body(_CodeFormSchema(), CodeForm)
RESET_FORM: Final = Body(_ResetFormSchema(), ResetForm)
LOGOUT_FORM: Final = Body(_LogoutFormSchema(), LogoutForm)
