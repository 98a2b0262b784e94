"""The routes of the pages for people who are logged in, for the table of web/routes.py."""

from typing import Final

from sidecar.web.account.factor import get_factor, post_confirmation, post_factor
from sidecar.web.account.factor import post_removal as post_factor_removal
from sidecar.web.account.password import get_password, post_password
from sidecar.web.account.profile import get_profile, post_profile
from sidecar.web.account.sessions import get_sessions, post_session_end
from sidecar.web.account.tokens import get_tokens, post_token, post_token_removal
from sidecar.web.admin import person
from sidecar.web.admin.people import get_new, get_people, post_new
from sidecar.web.admin.trail import get_trail
from sidecar.web.middlewares import Handler

VISITED: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/account", get_profile),
    ("POST", "/account", post_profile),
    ("GET", "/account/password", get_password),
    ("POST", "/account/password", post_password),
    ("GET", "/account/factor", get_factor),
    ("POST", "/account/factor", post_factor),
    ("POST", "/account/factor/confirm", post_confirmation),
    ("POST", "/account/factor/remove", post_factor_removal),
    ("GET", "/account/sessions", get_sessions),
    ("POST", "/account/sessions", post_session_end),
    ("GET", "/account/tokens", get_tokens),
    ("POST", "/account/tokens", post_token),
    ("POST", "/account/tokens/remove", post_token_removal),
    ("GET", "/admin", get_people),
    ("GET", "/admin/people/new", get_new),
    ("POST", "/admin/people/new", post_new),
    ("GET", "/admin/people/{id}", person.get_person),
    ("POST", "/admin/people/{id}", person.post_person),
    ("POST", "/admin/people/{id}/disable", person.post_disabling),
    ("POST", "/admin/people/{id}/enable", person.post_enabling),
    ("POST", "/admin/people/{id}/reset", person.post_link),
    ("POST", "/admin/people/{id}/revoke", person.post_ending),
    ("POST", "/admin/people/{id}/factor", person.post_factor_removal),
    ("GET", "/admin/people/{id}/remove", person.get_removal),
    ("POST", "/admin/people/{id}/remove", person.post_removal),
    ("GET", "/admin/audit", get_trail),
)
