"""What stands under `allow`: a word, or the conditions for somebody who is signed in."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sidecar.core.access import Access, Amr, Condition, MaxAge, Networks, Roles, Scope, Users
from sidecar.schemas.documents import Document, Path, suggest
from sidecar.schemas.policy.durations import MAX_AGE
from sidecar.schemas.policy.keys import ALLOW_KEYS, refuse_unknown
from sidecar.schemas.policy.lists import AMR, NETWORKS, ROLES, SCOPES, USERS

WORDS: Final = {
    "anyone": Access(anyone=True),
    "signed-in": Access(),
    "preflight": Access(preflight=True),
}
ALLOW: Final = "must be anyone, signed-in, preflight, or conditions such as {roles: [staff]}"


def parse_allow(document: Document, allow: Any, path: Path) -> Access | None:
    """Return whom a rule lets in, or None with every problem noted."""
    if isinstance(allow, str) and allow in WORDS:
        return WORDS[allow]
    if not isinstance(allow, dict) or not allow:
        hint = suggest(allow, WORDS) if isinstance(allow, str) else ""
        document.add_problem(path, f"{ALLOW}{hint}")
        return None
    refuse_unknown(document, allow, ALLOW_KEYS, path)
    conditions = [
        parse(document, allow[key], (*path, key))
        for key, parse in CONDITIONS.items()
        if key in allow
    ]
    met = [condition for condition in conditions if condition is not None]
    return Access.of(*met) if met and len(met) == len(conditions) else None


def _parse_users(document: Document, value: Any, path: Path) -> Condition | None:
    users = USERS.read(document, value, path)
    return None if users is None else Users(frozenset(users))


def _parse_roles(document: Document, value: Any, path: Path) -> Condition | None:
    roles = ROLES.read(document, value, path)
    return None if roles is None else Roles(frozenset(roles))


def _parse_networks(document: Document, value: Any, path: Path) -> Condition | None:
    networks = NETWORKS.read(document, value, path)
    return None if networks is None else Networks(networks)


def _parse_scope(document: Document, value: Any, path: Path) -> Condition | None:
    scopes = SCOPES.read(document, value, path)
    return None if scopes is None else Scope(frozenset(scopes))


def _parse_amr(document: Document, value: Any, path: Path) -> Condition | None:
    amr = AMR.read(document, value, path)
    return None if amr is None else Amr(frozenset(amr))


def _parse_max_age(document: Document, value: Any, path: Path) -> Condition | None:
    seconds = MAX_AGE.read(document, value, path)
    return None if seconds is None else MaxAge(seconds)


CONDITIONS: Final[Mapping[str, Callable[[Document, Any, Path], Condition | None]]] = {
    "users": _parse_users,
    "roles": _parse_roles,
    "networks": _parse_networks,
    "scope": _parse_scope,
    "amr": _parse_amr,
    "max_age": _parse_max_age,
}
