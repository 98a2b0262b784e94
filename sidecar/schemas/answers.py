"""The shapes of answers that are no document of their own: tokens, secrets shown once, errors.

They are written where they are answered; here they stand for the OpenAPI document alone, and
schemathesis holds the two equal. `sometimes` names the members that an answer may leave out.
"""

from typing import ClassVar

from marshmallow import Schema, fields

from sidecar.schemas.client import ClientSchema
from sidecar.schemas.personal import TokenSchema


class TokensSchema(Schema):
    """What a frontend gets for a login or a refresh; durations are seconds."""

    access_token = fields.String()
    token_type = fields.String(metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer()
    refresh_token = fields.String()
    refresh_expires_in = fields.Integer()
    scope = fields.String()


class CookieLoginSchema(Schema):
    """What stands beside a session cookie."""

    expires_in = fields.Integer()
    scope = fields.String()


class MadeClientSchema(ClientSchema):
    """A new program with its secret, which is shown this once."""

    client_secret = fields.String(dump_only=True)


class ClientSecretSchema(Schema):
    """The new secret of a program, which is shown this once."""

    client_id = fields.String()
    client_secret = fields.String()


class MadeTokenSchema(TokenSchema):
    """A new personal token with its text, which is shown this once."""

    token = fields.String(dump_only=True)


class EnrolmentSchema(Schema):
    """The secret of a second factor that is still to be confirmed, in base32 and as a URI."""

    secret = fields.String()
    otpauth_uri = fields.String()


class RecoveryCodesSchema(Schema):
    """What stands in for the second factor, each once; shown this once."""

    recovery_codes = fields.List(fields.String())


class ResetLinkSchema(Schema):
    """The one-time link by which somebody sets a new password; `expires_in` is seconds."""

    reset_url = fields.String()
    expires_in = fields.Integer()


class FieldErrorSchema(Schema):
    """What is wrong with one field; `pointer` is a JSON pointer (RFC 6901)."""

    pointer = fields.String()
    detail = fields.String()


class ProblemSchema(Schema):
    """An error (RFC 9457); `reason` is for programs."""

    sometimes: ClassVar = frozenset({"detail", "errors"})

    title = fields.String()
    status = fields.Integer()
    reason = fields.String(metadata={"pattern": "^[a-z][a-z_]*$"})
    request_id = fields.String()
    detail = fields.String()
    errors = fields.List(fields.Nested(FieldErrorSchema))
