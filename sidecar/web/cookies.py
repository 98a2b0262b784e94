"""Our cookies, set and taken back.

A browser holds cookies of one name side by side where one is the host's own and another is a
domain's, and sends both: nobody could tell which counts. So whoever sets or takes back ours takes
back every other one that it may have been, too.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from aiohttp import web

from sidecar.core.throttle import Throttled
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.mint import CookieGrant
from sidecar.web.context import Context
from sidecar.web.credentials import DOMAIN_COOKIE, HOST_COOKIE, CookieJar
from sidecar.web.headers import (
    AUTHORIZATION,
    cookie_name,
    has_too_many_cookies,
    split_cookies,
)
from sidecar.web.requests import find_asked_host

# W3C Clear Site Data, section 3.1. Both are of our origin alone, which may be that of a frontend:
# what it kept of whoever was logged in goes too. `cookies` would take those of every service of
# the registrable domain, which are not ours.
CLEARED: Final = '"cache", "storage"'
MOST_PARENTS: Final = 6  # domains above a host that are tried: each is one more line of the answer
MOST_PATHS: Final = 8  # below `/`, for each of those; the shallowest, which lock most out
MOST_PLACES: Final = 32  # lines in all, so that a head stays below the 16 kB of HAProxy's buffer
OVER: Final = "Thu, 01 Jan 1970 00:00:00 GMT"
ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Lax"

LONGEST_PATH: Final = 200  # characters, for the same reason

# What may stand in `Path=`: nothing that ends it.
_PATH: Final = re.compile(rf"/[A-Za-z0-9._~!$&'()*+,=:@%/-]{{1,{LONGEST_PATH - 1}}}", re.ASCII)


class Place(NamedTuple):
    """A cookie as browsers tell it from others; `domain` is None for the host's own."""

    name: str
    domain: str | None
    path: str = "/"


def set_session_cookie(
    answer: web.Response, request: web.Request, context: Context, grant: CookieGrant
) -> None:
    """Set the cookie for the longest domain that holds the host that the browser asked at.

    Every other one of ours is taken back. Clients that know a name only once keep its first line or
    its last: where the name comes again, what is set is both.
    """
    host, path = find_asked_host(request, context).name, _find_asked_path(request, context)
    jar = context.jar
    place = Place(jar.name, jar.find_domain(host))
    _add(answer, place, grant.cookie, grant.max_age)
    kept = _identify(place, host)
    others = [each for each in list_places(jar, host, path) if _identify(each, host) != kept]
    expire_cookies(answer, others)
    if any(each.name == place.name for each in others):
        _add(answer, place, grant.cookie, grant.max_age)


def expire_session_cookie(answer: web.Response, request: web.Request, context: Context) -> None:
    """Take the cookie back, wherever it may have been set."""
    host, path = find_asked_host(request, context).name, _find_asked_path(request, context)
    expire_cookies(answer, list_places(context.jar, host, path))


def expire_contradiction(
    answer: web.Response, request: web.Request, context: Context, refusal: Deny | Throttled
) -> None:
    """Take the cookies back where two came that differ: neither counts, and both would stay."""
    contradicted = isinstance(refusal, Deny) and refusal.reason is Reason.TWO_CREDENTIALS
    if contradicted and AUTHORIZATION not in request.headers:
        expire_session_cookie(answer, request, context)


def expire_cookies(answer: web.StreamResponse, places: Iterable[Place]) -> None:
    """Take these cookies back."""
    for place in places:
        _add(answer, place, '""', 0)


def clear_browser(answer: web.Response, request: web.Request, context: Context) -> None:
    """Take the cookie back, and have the browser drop what our origin left in it."""
    expire_session_cookie(answer, request, context)
    answer.headers["Clear-Site-Data"] = CLEARED


def list_places(jar: CookieJar, host: str, path: str) -> Iterator[Place]:
    """Yield where a session cookie of ours may be that is sent to `path` of `host`.

    The likeliest come first, and no more than `MOST_PLACES`. Yesterday's settings may have named
    another domain above the host, or none; a neighbour may have planted one for a path, which
    browsers allow but for the name of a host's own (RFC 6265bis section 4.1.3).
    """
    likely = Place(jar.name, jar.find_domain(host))
    named = [each for each in jar.domains if host == each or host.endswith(f".{each}")]
    domains = (None, *dict.fromkeys((*named, *_parents(host))))
    places = chain(
        [likely, Place(HOST_COOKIE, None)],
        (Place(DOMAIN_COOKIE, domain) for domain in domains),
        (Place(DOMAIN_COOKIE, domain, each) for each in _ancestors(path) for domain in domains),
    )
    return islice(dict.fromkeys(places), MOST_PLACES)


def _parents(host: str) -> list[str]:
    """Return the domains that hold a host, the shortest first; a browser keeps none for one label.

    An address has none.
    """
    labels = host.split(".")
    if host.startswith("[") or labels[-1].isdigit():
        return []
    found = [".".join(labels[-count:]) for count in range(2, len(labels) + 1)]
    return found[:MOST_PARENTS]


def _ancestors(path: str) -> list[str]:
    """Return the cookie paths but `/` that hold a path (RFC 6265 section 5.1.4), shallowest first.

    `/a` and `/a/` are two of them.
    """
    short = path[:LONGEST_PATH]
    slashes = [each.start() for each in re.finditer("/", short)][1:]
    found = dict.fromkeys((*(path[:end] for at in slashes for end in (at, at + 1)), path))
    return [each for each in found if _PATH.fullmatch(each)][:MOST_PATHS]


def _find_asked_path(request: web.Request, context: Context) -> str:
    """Return the path as the browser knows it; a proxy may have cut that of public_url."""
    path, above = request.rel_url.raw_path, context.public.path
    return path if path.startswith(f"{above}/") else above + path


def _identify(place: Place, host: str) -> tuple[str, str, str]:
    """Return by what a browser at `host` knows a cookie that it is to replace.

    RFC 6265 section 5.3 does not tell a host's own from one of the domain of that name.
    """
    return place.name, place.domain or host, place.path


def _add(answer: web.StreamResponse, place: Place, value: str, max_age: int | None) -> None:
    """Add one line; the answer's own cookies know a name only once."""
    domain = "" if place.domain is None else f"Domain={place.domain}; "
    life = "" if max_age is None else f"Max-Age={max_age}; "
    if max_age == 0:
        life = f"expires={OVER}; {life}"
    path = f"Path={place.path}; "
    answer.headers.add("Set-Cookie", f"{place.name}={value}; {domain}{life}{path}{ATTRIBUTES}")


def set_host_cookie(
    answer: web.StreamResponse, name: str, value: str, max_age: int | None = None
) -> None:
    """Set a cookie of this host alone; with None the browser forgets it at its end."""
    _add(answer, Place(name, None), value, max_age)


def find_own_cookie(request: web.BaseRequest, name: str) -> str | None:
    """Return the value of a cookie, None where it did not come, or with two different values."""
    values = find_own_cookies(request, name)
    return values.pop() if len(values) == 1 else None


def find_own_cookies(request: web.BaseRequest, name: str) -> set[str]:
    """Return the values of a cookie, each once; none where too many cookies came to look at."""
    if has_too_many_cookies(request.headers):
        return set()
    return {
        each.partition("=")[2].strip(" \t")
        for each in split_cookies(request.headers)
        if cookie_name(each) == name
    }
