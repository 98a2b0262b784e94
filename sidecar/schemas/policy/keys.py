"""The keys of a policy file, and what people write in their place."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sidecar.schemas.documents import Document, Path, suggest

ROOT_KEYS: Final = ("hosts",)
RULE_KEYS: Final = ("path", "methods", "networks", "max_staleness", "when_stale", "allow")
ALLOW_KEYS: Final = ("users", "roles", "networks", "scope", "amr", "max_age")

# What other gateways, or English, call them.
SYNONYMS: Final = {
    "role": "roles",
    "group": "roles",
    "groups": "roles",
    "user": "users",
    "username": "users",
    "usernames": "users",
    "subject": "users",
    "scopes": "scope",
    "method": "methods",
    "network": "networks",
    "ip": "networks",
    "ips": "networks",
    "cidr": "networks",
    "resources": "path",
    "prefix": "path",
}


def refuse_unknown(
    document: Document, members: Mapping[str, Any], known: Collection[str], path: Path
) -> None:
    """Note each key that is not one of `known`, with a hint at what may have been meant."""
    for key in members:
        if key not in known:
            document.add_problem((*path, key), f"is not known{_hint(key, known)}")


def _hint(key: str, known: Collection[str]) -> str:
    word = SYNONYMS.get(key.lower(), key)
    if word in known:
        return f"; did you mean {word}?"
    if known is RULE_KEYS and word in ALLOW_KEYS:
        return f"; did you mean {word} under allow?"
    if known is ALLOW_KEYS and word in RULE_KEYS:
        return f"; {word} stands beside path and allow"
    return suggest(key, known)
