"""How often a browser has come back to a login that is good: a circle is not walked for ever.

The gate sends it here, and here it is sent back, where the session cookie does not reach the host
that was asked for. The count travels in a cookie of our own. It is not sealed: who forges it sees a
page that says so instead of being sent on, and only in their own browser.
"""

import hashlib
import re
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from sidecar.core.facts import Host, parse_host
from sidecar.core.verdict import Deny
from sidecar.web.context import Context
from sidecar.web.cookies import find_own_cookie, set_host_cookie
from sidecar.web.credentials import RETURN_COOKIE
from sidecar.web.requests import find_asked_host

MOST_RETURNS: Final = 3  # to one address; several tabs that are opened again come once each
WINDOW: Final = 10  # seconds from the first return to the last
DIGEST_CHARACTERS: Final = 16

_VALUE: Final = re.compile(
    rf"([1-9])\.([0-9]{{1,12}})\.([0-9a-f]{{{DIGEST_CHARACTERS}}})", re.ASCII
)


class Cause(StrEnum):
    """Why a cookie does not arrive."""

    DOMAIN = "domain"
    INSECURE = "insecure"
    CLOCK = "clock"


class Returns(NamedTuple):
    """So many returns to one address, the first at `since` (Unix seconds)."""

    times: int
    since: int
    digest: str


def count_return(request: web.Request, rd: str, now: int) -> Returns:
    """Return the returns to `rd` with this one."""
    digest = hashlib.sha256(rd.encode()).hexdigest()[:DIGEST_CHARACTERS]
    found = _VALUE.fullmatch(find_own_cookie(request, RETURN_COOKIE) or "")
    if found is not None and found[3] == digest and 0 <= now - int(found[2]) < WINDOW:
        return Returns(int(found[1]) + 1, int(found[2]), digest)
    return Returns(1, now, digest)


def remember_returns(answer: web.Response, returns: Returns) -> None:
    """Have the browser tell us of them, for as long as they count."""
    times, since, digest = returns
    set_host_cookie(answer, RETURN_COOKIE, f"{times}.{since}.{digest}", WINDOW)


def forget_returns(answer: web.Response) -> None:
    """Begin to count anew."""
    set_host_cookie(answer, RETURN_COOKIE, '""', 0)


def find_target(rd: str) -> tuple[str, Host] | None:
    """Return scheme and host of a safe `rd`, None for an address of our own without them."""
    scheme, authority, *_ = urlsplit(rd)
    host = parse_host(authority)
    return None if isinstance(host, Deny) else (scheme, host)


def find_cause(request: web.Request, context: Context, scheme: str, host: Host) -> Cause:
    """Return why the session cookie of a login here does not arrive there."""
    if not context.jar.reaches(host.name, find_asked_host(request, context).name):
        return Cause.DOMAIN
    if scheme == "http" and not _is_trustworthy(host.name):
        return Cause.INSECURE
    return Cause.CLOCK


def _is_trustworthy(host: str) -> bool:
    """Say whether browsers send Secure cookies there by http (W3C Secure Contexts, 3.1)."""
    return host in {"localhost", "[::1]"} or host.endswith(".localhost") or host.startswith("127.")
