"""What the OpenAPI document says of each route of web/routes.py: a row for a method and a path.

A new route needs its row here, or a name in UNDOCUMENTED; tests/web/test_openapi.py holds the two
tables equal. The
summary is the handler's docstring; what follows from a row (a body may be malformed, an id unknown)
is added by web/openapi.py.
"""

from collections.abc import Mapping
from typing import Final

from sidecar.schemas.answers import (
    ClientSecretSchema,
    CookieLoginSchema,
    EnrolmentSchema,
    MadeClientSchema,
    MadeTokenSchema,
    RecoveryCodesSchema,
    ResetLinkSchema,
    TokensSchema,
)
from sidecar.schemas.audit import AuditQuerySchema, RecordSchema
from sidecar.schemas.client import (
    ClientChangeSchema,
    ClientPageSchema,
    ClientSchema,
    NewClientSchema,
    RotationSchema,
)
from sidecar.schemas.factors import OTP_CONFIRMATION, OTP_REMOVAL
from sidecar.schemas.oauth import (
    IntrospectionSchema,
    KeySetSchema,
    MetadataSchema,
    OAuthTokenSchema,
    TokenFormSchema,
    TokenQuestionSchema,
)
from sidecar.schemas.personal import NewTokenSchema, TokenSchema
from sidecar.schemas.requests import LOGIN_REQUEST, LOGOUT_REQUEST, REFRESH_REQUEST
from sidecar.schemas.session import SessionSchema
from sidecar.schemas.shapes import Page, Shape
from sidecar.schemas.user import (
    NewUserSchema,
    OwnChangeSchema,
    OwnPasswordSchema,
    UserChangeSchema,
    UserPageSchema,
    UserSchema,
)
from sidecar.web.rows import Row, Version, Who
from sidecar.web.visited import VISITED

LOGIN: Final = "login"
ME: Final = "me"
USERS: Final = "users"
CLIENTS: Final = "clients"
OAUTH: Final = "oauth"
PUBLISHED: Final = "published"
AUDIT: Final = "audit"
NOTHING: Final[Mapping[int, Shape | None]] = {204: None}
NO_BODY: Final[Mapping[int, Shape | None]] = {200: None}

ROWS: Final[Mapping[tuple[str, str], Row]] = {
    ("POST", "/login"): Row(
        LOGIN,
        Who.ANYBODY,
        {200: (TokensSchema(), CookieLoginSchema())},
        takes=LOGIN_REQUEST.schema,
        errors=(401, 403, 429),
    ),
    ("POST", "/refresh"): Row(
        LOGIN,
        Who.ANYBODY,
        {200: TokensSchema()},
        takes=REFRESH_REQUEST.schema,
        errors=(401,),
    ),
    ("POST", "/logout"): Row(
        LOGIN, Who.SESSION, NOTHING, takes=LOGOUT_REQUEST.schema, may_be_empty=True
    ),
    ("POST", "/oauth/token"): Row(
        OAUTH, Who.PROGRAM, {200: OAuthTokenSchema()}, takes=TokenFormSchema(), is_form=True
    ),
    ("POST", "/oauth/revoke"): Row(
        OAUTH, Who.ASKER, NO_BODY, takes=TokenQuestionSchema(), is_form=True
    ),
    ("POST", "/oauth/introspect"): Row(
        OAUTH,
        Who.ASKER,
        {200: IntrospectionSchema()},
        takes=TokenQuestionSchema(),
        is_form=True,
    ),
    ("GET", "/me"): Row(ME, Who.PERSON, {200: UserSchema()}, has_version=True),
    ("PATCH", "/me"): Row(
        ME,
        Who.PERSON,
        {200: UserSchema()},
        takes=OwnChangeSchema(partial=True),
        version=Version.REQUIRED,
        has_version=True,
    ),
    ("POST", "/me/password"): Row(
        ME,
        Who.PERSON,
        {200: (TokensSchema(), CookieLoginSchema())},
        takes=OwnPasswordSchema(),
        errors=(429,),
    ),
    ("POST", "/me/otp"): Row(ME, Who.PERSON, {200: EnrolmentSchema()}, errors=(409,)),
    ("POST", "/me/otp/confirm"): Row(
        ME,
        Who.PERSON,
        {200: RecoveryCodesSchema()},
        takes=OTP_CONFIRMATION.schema,
        errors=(429,),
    ),
    ("POST", "/me/otp/disable"): Row(
        ME, Who.PERSON, NOTHING, takes=OTP_REMOVAL.schema, errors=(404, 429)
    ),
    ("GET", "/me/sessions"): Row(ME, Who.PERSON, {200: Page(SessionSchema())}),
    ("DELETE", "/me/sessions/{sid}"): Row(ME, Who.PERSON, NOTHING),
    ("GET", "/me/tokens"): Row(ME, Who.PERSON, {200: Page(TokenSchema())}),
    ("POST", "/me/tokens"): Row(
        ME, Who.PERSON, {201: MadeTokenSchema()}, takes=NewTokenSchema(), errors=(409,)
    ),
    ("DELETE", "/me/tokens/{id}"): Row(ME, Who.PERSON, NOTHING),
    ("GET", "/users"): Row(
        USERS, Who.ADMINISTRATOR, {200: Page(UserSchema())}, query=UserPageSchema()
    ),
    ("POST", "/users"): Row(
        USERS,
        Who.ADMINISTRATOR,
        {201: UserSchema()},
        takes=NewUserSchema(),
        has_version=True,
        errors=(409,),
    ),
    ("GET", "/users/{id}"): Row(USERS, Who.ADMINISTRATOR, {200: UserSchema()}, has_version=True),
    ("PATCH", "/users/{id}"): Row(
        USERS,
        Who.ADMINISTRATOR,
        {200: UserSchema()},
        takes=UserChangeSchema(partial=True),
        version=Version.REQUIRED,
        has_version=True,
        errors=(409,),
    ),
    ("DELETE", "/users/{id}"): Row(
        USERS, Who.ADMINISTRATOR, NOTHING, version=Version.OPTIONAL, errors=(409,)
    ),
    ("POST", "/users/{id}/reset"): Row(
        USERS, Who.ADMINISTRATOR, {201: ResetLinkSchema()}, errors=(409,)
    ),
    ("DELETE", "/users/{id}/otp"): Row(USERS, Who.ADMINISTRATOR, NOTHING),
    ("POST", "/users/{id}/revoke"): Row(USERS, Who.ADMINISTRATOR, NOTHING),
    ("GET", "/clients"): Row(
        CLIENTS, Who.ADMINISTRATOR, {200: Page(ClientSchema())}, query=ClientPageSchema()
    ),
    ("POST", "/clients"): Row(
        CLIENTS,
        Who.ADMINISTRATOR,
        {201: MadeClientSchema()},
        takes=NewClientSchema(),
        has_version=True,
        errors=(409,),
    ),
    ("GET", "/clients/{id}"): Row(
        CLIENTS, Who.ADMINISTRATOR, {200: ClientSchema()}, has_version=True
    ),
    ("PATCH", "/clients/{id}"): Row(
        CLIENTS,
        Who.ADMINISTRATOR,
        {200: ClientSchema()},
        takes=ClientChangeSchema(partial=True),
        version=Version.REQUIRED,
        has_version=True,
        errors=(409,),
    ),
    ("DELETE", "/clients/{id}"): Row(CLIENTS, Who.ADMINISTRATOR, NOTHING, version=Version.OPTIONAL),
    ("POST", "/clients/{id}/rotate"): Row(
        CLIENTS,
        Who.ADMINISTRATOR,
        {200: ClientSecretSchema()},
        takes=RotationSchema(),
        may_be_empty=True,
    ),
    ("GET", "/audit"): Row(
        AUDIT, Who.ADMINISTRATOR, {200: Page(RecordSchema())}, query=AuditQuerySchema()
    ),
    ("GET", "/.well-known/jwks.json"): Row(PUBLISHED, Who.ANYBODY, {200: KeySetSchema()}),
    ("GET", "/.well-known/oauth-authorization-server"): Row(
        PUBLISHED, Who.ANYBODY, {200: MetadataSchema()}
    ),
    ("GET", "/.well-known/openid-configuration"): Row(
        PUBLISHED, Who.ANYBODY, {200: MetadataSchema()}
    ),
}
# Pages and what they are made of; forms of the routes above belong to them. `/verify` is no row of
# the table: a gateway asks there in its dialect (docs/gateways.md).
UNDOCUMENTED: Final = frozenset(
    {
        *((method, path) for method, path, _ in VISITED),
        ("GET", "/login"),
        ("GET", "/login/code"),
        ("POST", "/login/code"),
        ("GET", "/logout"),
        ("GET", "/openapi.json"),
        ("GET", "/reset"),
        ("POST", "/reset"),
        ("GET", "/static/logo"),
        ("GET", "/static/sidecar.css"),
        ("GET", "/static/theme.css"),
    }
)
