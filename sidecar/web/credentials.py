"""Which credential came with a request, unopened."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sidecar.core.claims import TokenKind
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.web.authorization import PersonalCredential, find_authorized
from sidecar.web.headers import AUTHORIZATION, COOKIE, Headers, cookie_name, split_cookies

HOST_COOKIE: Final = "__Host-sidecar"
DOMAIN_COOKIE: Final = "__Secure-sidecar"
DEVICE_COOKIE: Final = "__Host-sidecar-device"
CSRF_COOKIE: Final = "__Host-sidecar-csrf"
RETURN_COOKIE: Final = "__Host-sidecar-return"
# What no upstream is handed, but where the settings keep all cookies.
OWN_COOKIES: Final = frozenset(
    {HOST_COOKIE, DOMAIN_COOKIE, DEVICE_COOKIE, CSRF_COOKIE, RETURN_COOKIE}
)

# What breaks a line, which the parser has refused already; and octets that are not UTF-8.
_NO_LINE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_NO_TEXT: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class CookieJar:
    """How our session cookie is called, and for which domains it is set.

    Without any it is for the host alone that set it.
    """

    domains: tuple[str, ...]

    @property
    def name(self) -> str:
        """The cookie's name, whose prefix browsers enforce (RFC 6265bis section 4.1.3)."""
        return DOMAIN_COOKIE if self.domains else HOST_COOKIE

    def find_domain(self, host: str) -> str | None:
        """Return the longest domain that holds `host`, None where the cookie is for it alone."""
        holding = (
            domain for domain in self.domains if host == domain or host.endswith(f".{domain}")
        )
        return max(holding, key=len, default=None)

    def reaches(self, host: str, own_host: str) -> bool:
        """Say whether a cookie that a login at `own_host` sets is sent to all of `host`.

        That is a canonical host, or `*.domain` for every host below it.
        """
        domain = self.find_domain(own_host)
        return host == own_host or (
            domain is not None and (host == domain or host.endswith(f".{domain}"))
        )


def find_credential(
    headers: Headers, own_cookie: str, *, cookie_counts: bool, joined: Collection[str] = ()
) -> Credential | PersonalCredential | Deny | None:
    """Return the one credential that counts: that of `Authorization`, else the session cookie.

    Two different ones of one kind are refused: the service behind might have read the other (RFC
    6750 section 2). `joined` is as for `split_cookies`.
    """
    if AUTHORIZATION in headers:
        authorized = find_authorized(headers.getall(AUTHORIZATION))
        if authorized is not None:
            return authorized
    if not cookie_counts:
        return None
    ours = (each for each in split_cookies(headers, joined) if cookie_name(each) == own_cookie)
    cookies = {each.partition("=")[2].strip(" \t") for each in ours} - {""}
    if len(cookies) > 1:
        return Deny(Reason.TWO_CREDENTIALS)
    return Credential(TokenKind.SESSION, cookies.pop()) if cookies else None


def other_cookies(headers: Headers, joined: Collection[str] = ()) -> str | None:
    """Return the client's cookies without ours as one `Cookie` value, None where it sent none.

    Ours are left out, the session's under either of its names, since yesterday's settings may have
    used the other.
    So is a cookie that is not UTF-8 or has control characters: what reads it behind us could take
    it for another one, perhaps even ours.
    """
    if COOKIE not in headers:
        return None
    return "; ".join(
        each
        for each in split_cookies(headers, joined)
        if each
        and each.partition("=")[0].rstrip(" \t") not in OWN_COOKIES
        and _NO_TEXT.search(each) is None
    )


def all_cookies(headers: Headers, joined: Collection[str] = ()) -> str | None:
    """Return all the client's cookies as one `Cookie` value, None where it sent none."""
    if COOKIE not in headers:
        return None
    return "; ".join(
        each for each in split_cookies(headers, joined) if each and _NO_LINE.search(each) is None
    )
