"""The bodies of requests about a second factor."""

from dataclasses import dataclass, field
from typing import Final

from marshmallow import Schema

from sidecar.core.totp import LONGEST_OTP
from sidecar.core.user import LONGEST_PASSWORD
from sidecar.schemas.requests import Body, Text


@dataclass(frozen=True, slots=True)
class OtpConfirmation:
    """`POST /me/otp/confirm`."""

    otp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtpRemoval:
    """`POST /me/otp/disable`."""

    password: str = field(repr=False)


class _ConfirmationSchema(Schema):
    otp = Text(LONGEST_OTP, required=True)


class _RemovalSchema(Schema):
    password = Text(LONGEST_PASSWORD, required=True)


OTP_CONFIRMATION: Final = Body(_ConfirmationSchema(), OtpConfirmation)
OTP_REMOVAL: Final = Body(_RemovalSchema(), OtpRemoval)
