"""The one table of what handlers answer, by method and path; /verify is asked ahead of it."""

from typing import Final

from aiohttp import web

from sidecar.web.accounts import get_me, patch_me, post_my_password
from sidecar.web.audit import get_audit
from sidecar.web.clients import (
    delete_client,
    get_client,
    get_clients,
    patch_client,
    post_client,
    post_client_rotation,
)
from sidecar.web.context import CONTEXT, Context
from sidecar.web.errorpages import error_pages
from sidecar.web.factors import (
    delete_user_otp,
    post_otp,
    post_otp_confirmation,
    post_otp_removal,
)
from sidecar.web.login import post_login
from sidecar.web.loginform import get_code, get_login, post_code
from sidecar.web.middlewares import Handler, cors, error_boundary, in_turn
from sidecar.web.oauth.introspect import post_introspect
from sidecar.web.oauth.revoke import post_revoke
from sidecar.web.oauth.token import post_token
from sidecar.web.operations import show_health, show_metrics, show_readiness, show_refusals
from sidecar.web.pages.static import get_logo, get_stylesheet, get_theme
from sidecar.web.personal import (
    delete_personal_token,
    get_personal_tokens,
    post_personal_token,
)
from sidecar.web.requests import LARGEST_BODY
from sidecar.web.resetpage import get_reset, post_reset
from sidecar.web.resets import post_user_reset
from sidecar.web.sessions import delete_session, get_sessions, post_user_revoke
from sidecar.web.tokens import get_logout, post_logout, post_refresh
from sidecar.web.users import delete_user, get_user, get_users, patch_user, post_user
from sidecar.web.verify import QUESTIONS, make_questions
from sidecar.web.visited import VISITED
from sidecar.web.wellknown import (
    show_authorization_server,
    show_jwks,
    show_openapi,
    show_openid_configuration,
)

Table = tuple[tuple[str, str, Handler], ...]

PUBLIC: Final[Table] = (
    ("GET", "/login", get_login),
    ("POST", "/login", post_login),
    ("GET", "/login/code", get_code),
    ("POST", "/login/code", post_code),
    ("GET", "/reset", get_reset),
    ("POST", "/reset", post_reset),
    ("POST", "/refresh", post_refresh),
    ("GET", "/logout", get_logout),
    ("POST", "/logout", post_logout),
    ("POST", "/oauth/token", post_token),
    ("POST", "/oauth/revoke", post_revoke),
    ("POST", "/oauth/introspect", post_introspect),
    ("GET", "/me", get_me),
    ("PATCH", "/me", patch_me),
    ("POST", "/me/password", post_my_password),
    ("GET", "/me/sessions", get_sessions),
    ("DELETE", "/me/sessions/{sid}", delete_session),
    ("POST", "/me/otp", post_otp),
    ("POST", "/me/otp/confirm", post_otp_confirmation),
    ("POST", "/me/otp/disable", post_otp_removal),
    ("GET", "/me/tokens", get_personal_tokens),
    ("POST", "/me/tokens", post_personal_token),
    ("DELETE", "/me/tokens/{id}", delete_personal_token),
    ("GET", "/users", get_users),
    ("POST", "/users", post_user),
    ("GET", "/users/{id}", get_user),
    ("PATCH", "/users/{id}", patch_user),
    ("DELETE", "/users/{id}", delete_user),
    ("POST", "/users/{id}/revoke", post_user_revoke),
    ("POST", "/users/{id}/reset", post_user_reset),
    ("DELETE", "/users/{id}/otp", delete_user_otp),
    ("GET", "/clients", get_clients),
    ("POST", "/clients", post_client),
    ("GET", "/clients/{id}", get_client),
    ("PATCH", "/clients/{id}", patch_client),
    ("DELETE", "/clients/{id}", delete_client),
    ("POST", "/clients/{id}/rotate", post_client_rotation),
    ("GET", "/audit", get_audit),
    *VISITED,
    ("GET", "/static/sidecar.css", get_stylesheet),
    ("GET", "/static/theme.css", get_theme),
    ("GET", "/static/logo", get_logo),
    ("GET", "/openapi.json", show_openapi),
    ("GET", "/.well-known/jwks.json", show_jwks),
    ("GET", "/.well-known/oauth-authorization-server", show_authorization_server),
    ("GET", "/.well-known/openid-configuration", show_openid_configuration),
)
OPERATIONS: Final[Table] = (
    ("GET", "/healthz", show_health),
    ("GET", "/readyz", show_readiness),
    ("GET", "/metrics", show_metrics),
    ("GET", "/refusals/{id}", show_refusals),
)


def make_public_app(context: Context) -> web.Application:
    """Return the application of the public listener; below `public_url`'s path it answers too."""
    middlewares = [error_pages, error_boundary, in_turn]
    if context.cors_origins:
        middlewares.insert(0, cors)
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_BODY)
    app[CONTEXT] = context
    for prefix in {"", context.public.path}:
        _add_routes(app, prefix, PUBLIC)
    if context.public.path:  # RFC 8414 section 3.1: the well-known part stands before the path
        inserted = f"/.well-known/oauth-authorization-server{context.public.path}"
        app.router.add_get(inserted, show_authorization_server)
    app[QUESTIONS] = make_questions(context)
    return app


def make_operations_app(context: Context) -> web.Application:
    """Return the application of the operations listener."""
    app = web.Application(middlewares=[error_boundary], client_max_size=LARGEST_BODY)
    app[CONTEXT] = context
    _add_routes(app, "", OPERATIONS)
    return app


def _add_routes(app: web.Application, prefix: str, table: Table) -> None:
    for method, path, handler in table:
        app.router.add_route(method, prefix + path, handler)
        if method == "GET":  # HEAD is a GET whose body is kept back (RFC 9110 section 9.3.2)
            app.router.add_route("HEAD", prefix + path, handler)
