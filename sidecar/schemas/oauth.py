"""The shapes of the OAuth endpoints and of what is published, for the OpenAPI document alone.

The forms are read by web/oauth/forms.py in the manner of RFC 6749: unknown parameters are ignored,
and one that is wrong is told in an `error`. `sometimes` is as in schemas/answers.py.
"""

from typing import ClassVar, Final

from marshmallow import EXCLUDE, Schema, fields

# Those of web/oauth/grants.py; a test holds the two equal.
GRANT_TYPES: Final = (
    "client_credentials",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
)


class _Form(Schema):
    class Meta:
        """What marshmallow asks for here."""

        unknown = EXCLUDE

    client_id = fields.String()
    client_secret = fields.String()


class TokenFormSchema(_Form):
    """What a token is asked for with (RFC 6749 sections 4.4 and 6, RFC 8693)."""

    grant_type = fields.String(required=True, metadata={"enum": GRANT_TYPES})
    scope = fields.String()
    resource = fields.String()
    refresh_token = fields.String()
    subject_token = fields.String()
    subject_token_type = fields.String()
    requested_token_type = fields.String()


class TokenQuestionSchema(_Form):
    """The token that somebody asks about, or takes away (RFC 7009, RFC 7662)."""

    token = fields.String(required=True, metadata={"minLength": 1})
    token_type_hint = fields.String()


class OAuthTokenSchema(Schema):
    """What `/oauth/token` gives (RFC 6749 section 5.1, RFC 8693 section 2.2.1)."""

    sometimes: ClassVar = frozenset({"refresh_token", "refresh_expires_in", "issued_token_type"})

    access_token = fields.String()
    token_type = fields.String(metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer()
    scope = fields.String()
    refresh_token = fields.String()
    refresh_expires_in = fields.Integer()
    issued_token_type = fields.String()


class OAuthErrorSchema(Schema):
    """Why an OAuth endpoint refuses (RFC 6749 section 5.2)."""

    error = fields.String()
    error_description = fields.String()


class IntrospectionSchema(Schema):
    """What a token is worth (RFC 7662 section 2.2), and where it is good its claims."""

    sometimes: ClassVar = frozenset(
        {"token_type", "sub", "client_id", "username", "scope", "aud", "iss", "exp", "iat"}
    )

    active = fields.Boolean()
    token_type = fields.String()
    sub = fields.String()
    client_id = fields.String()
    username = fields.String()
    scope = fields.String()
    aud = fields.List(fields.String())
    iss = fields.String()
    exp = fields.Integer()
    iat = fields.Integer()


class KeySetSchema(Schema):
    """A JWK Set (RFC 7517 section 5)."""

    keys = fields.List(fields.Dict())


class MetadataSchema(Schema):
    """What clients find by the issuer (RFC 8414 section 2)."""

    issuer = fields.String()
    jwks_uri = fields.String()
    token_endpoint = fields.String()
    revocation_endpoint = fields.String()
    introspection_endpoint = fields.String()
    grant_types_supported = fields.List(fields.String())
    response_types_supported = fields.List(fields.String())
