"""What an operator adds to the URL that the gateway asks at: a mode, and who of all may pass.

`?mode=browser&roles=a,b&scope=x+y&max_age=300` is the same for every request of one location. It
can only narrow what the policy allows.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from sidecar.core.access import Access, Condition, MaxAge, Roles, Scope
from sidecar.core.claims import LONGEST_LIFE, TokenKind
from sidecar.core.user import is_role
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.values import parse_scope

LONGEST_QUERY: Final = 2048  # characters; bounded before it is parsed, and before it is remembered
REMEMBERED: Final = 256  # queries whose reading is kept: a gateway has one for each location
LARGEST_AGE: Final = LONGEST_LIFE[TokenKind.SESSION]  # seconds; no session is older

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SECONDS: Final = re.compile(r"[0-9]{1,8}", re.ASCII)


class Mode(StrEnum):
    """For whom a refusal is written, where the operator says so by hand."""

    API = "api"
    BROWSER = "browser"


class Parameters(NamedTuple):
    """`mode` is None where the request itself tells, `narrowing` where the policy alone decides."""

    mode: Mode | None
    narrowing: Access | None


NOTHING_SAID: Final = Parameters(None, None)


def parse_parameters(target: str) -> Parameters | Deny:
    """Return what stands behind the `?` of a target of ours; what is no parameter is refused."""
    query = target.partition("?")[2]
    return Deny(Reason.PARAMETER) if len(query) > LONGEST_QUERY else _parse_query(query)


def parse_max_age(text: str) -> int | None:
    """Return the seconds that a login may lie back, None for a text that is no such number."""
    seconds = int(text) if _SECONDS.fullmatch(text) else LARGEST_AGE + 1
    return seconds if seconds <= LARGEST_AGE else None


@lru_cache(maxsize=REMEMBERED)
def _parse_query(query: str) -> Parameters | Deny:
    if not query:
        return NOTHING_SAID
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = (_decode(text) for text in pair.partition("="))
        if name in values or (name != "mode" and name not in CONDITIONS):
            return Deny(Reason.PARAMETER)
        values[name] = value
    mode = values.pop("mode", None)
    conditions = [CONDITIONS[name](value) for name, value in values.items()]
    if mode not in {None, *Mode} or None in conditions:
        return Deny(Reason.PARAMETER)
    return Parameters(
        None if mode is None else Mode(mode),
        Access.of(*filter(None, conditions)) if conditions else None,
    )


def _decode(text: str) -> str:
    """Return a name or value as forms encode it (WHATWG URL, 5.1); empty where it is none."""
    if _BROKEN_ESCAPE.search(text):
        return ""
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        return ""


def _parse_roles(text: str) -> Condition | None:
    roles = text.split(",")
    return Roles(frozenset(roles)) if all(map(is_role, roles)) else None


def _parse_scope(text: str) -> Condition | None:
    scopes = text.split(" ")
    return Scope(frozenset(scopes)) if all(map(parse_scope, scopes)) else None


def _parse_max_age(text: str) -> Condition | None:
    seconds = parse_max_age(text)
    return None if seconds is None else MaxAge(seconds)


CONDITIONS: Final[Mapping[str, Callable[[str], Condition | None]]] = {
    "roles": _parse_roles,
    "scope": _parse_scope,
    "max_age": _parse_max_age,
}
