"""Whether a form was sent from our own page (docs/decisions/0004).

Browsers say so by `Sec-Fetch-Site` or `Origin`, which no page can forge. Who sends neither has to
send back what stood in the form: a MAC over a random cookie that our page has set. The cookie is
the host's own (`__Host-`), so no neighbour's page can plant one to a MAC that it knows.
"""

import hashlib
import hmac
import secrets
from typing import Final

from aiohttp import web

from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.verdict import Deny, Reason
from sidecar.web.context import Context
from sidecar.web.cookies import find_own_cookie, set_host_cookie
from sidecar.web.credentials import CSRF_COOKIE
from sidecar.web.requests import is_welcome, says_where

CSRF_FIELD: Final = "csrf"
CSRF_KEY_USE: Final = "forms"  # what its key is derived for
SEED_OCTETS: Final = 16


def judge_form(request: web.Request, context: Context, token: str | None) -> Deny | None:
    """Return why a form is not taken, None where it comes from our page.

    `token` is its field `csrf`. CSRF_TOKEN is for the page again, CROSS_SITE for nobody.
    """
    if not is_welcome(request, context):
        return Deny(Reason.CROSS_SITE)
    if says_where(request.headers):
        return None
    seed = _find_seed(request)
    if seed is None or token is None:
        return Deny(Reason.CSRF_TOKEN)
    good = hmac.compare_digest(_seal(context, seed).encode(), token.encode("utf-8", "replace"))
    return None if good else Deny(Reason.CSRF_TOKEN)


def give_csrf(request: web.Request, context: Context) -> tuple[str, str | None]:
    """Return what stands in the forms of a page, and the cookie to set where there is none."""
    seed = _find_seed(request)
    if seed is not None:
        return _seal(context, seed), None
    made = to_base64url(secrets.token_bytes(SEED_OCTETS))
    return _seal(context, made), made


def set_csrf_cookie(answer: web.Response, seed: str) -> None:
    """Set the cookie that the forms of this page are bound to, until the browser ends."""
    set_host_cookie(answer, CSRF_COOKIE, seed)


def _find_seed(request: web.Request) -> str | None:
    """Return the cookie where it is one of ours by its form."""
    seed = find_own_cookie(request, CSRF_COOKIE)
    octets = None if seed is None else from_base64url(seed)
    return None if octets is None or len(octets) != SEED_OCTETS else seed


def _seal(context: Context, seed: str) -> str:
    return to_base64url(hmac.digest(context.csrf_key, seed.encode("ascii"), hashlib.sha256))
