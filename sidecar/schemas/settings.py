"""The settings as texts: every default, and how a section of them is judged."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from marshmallow import fields

from sidecar.schemas.documents import suggest
from sidecar.schemas.fields import Parsed
from sidecar.schemas.groups import Group, judge_members
from sidecar.schemas.identity import ASSERTION, HEADERS
from sidecar.schemas.sections import SECTIONS

LARGEST_SETTINGS: Final = 262_144  # characters of a settings file, a variable or a secret file

# As a settings file spells them; None is what follows from other settings, or nothing.
DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "server": {
        "listen": "127.0.0.1:8420",
        "operations_listen": "127.0.0.1:8421",
        "gate_listen": None,
        "public_url": "http://localhost:8420",
        "lane": "auto",
    },
    "gateway": {"dialect": "traefik", "trusted_proxies": ["127.0.0.0/8", "::1/128"]},
    "tokens": {
        "issuer": None,
        "audience": ["api"],
        "access_ttl": "10m",
        "clock_skew": "10s",
        "refresh_ttl": "30d",
        "refresh_grace": "30s",
        "session_ttl": "90d",
        "role_scopes": {},
    },
    "session": {
        "ttl": "12h",
        "remember_ttl": "30d",
        "idle_ttl": None,
        "domain": None,
        "max_per_user": 100,
    },
    "redirect": {"allowed_hosts": None},
    "cors": {"origins": []},
    "keys": {
        "directory": "keys",
        "rotate_every": "90d",
        "publish_ahead": "10m",
        "passphrase_file": None,
    },
    "database": {"url": "sqlite:///data/sidecar.db"},
    "redis": {
        "url": None,
        "password_file": None,
        "sentinel_password_file": None,
        "ca_file": None,
        "cert_file": None,
        "key_file": None,
    },
    "revocation": {
        "max_staleness": "30s",
        "when_stale": "deny",
        "keep_after": "2h",
        "canary": "5s",
    },
    "policy": {"file": "policy.yaml"},
    "identity": {
        "headers": dict(HEADERS),
        "cookie": "strip",
        "assertion": {"enabled": True, "header": ASSERTION, "ttl": "60s"},
    },
    "accounts": {"admin_role": "admin", "password_min_length": 12, "reset_ttl": "1h"},
    "throttle": {"logins_per_hour": 600},
    "bootstrap": {"admin": None, "password": None},
    "pages": {"name": None, "logo": None, "stylesheet": None, "texts": None},
    "log": {"level": "info", "decisions": "refusals"},
}


def find_unknown(section: str, key: str, *below: str) -> str | None:
    """Return why there is no such key, with the nearest that there is; None where it is known.

    `below` are the keys below it, outermost first.
    """
    schema = SECTIONS.get(section)
    if schema is None:
        return f"there is no such section{suggest(section, SECTIONS)}"
    if key not in schema.fields:
        hint = suggest(key, schema.fields)
        elsewhere = [f"{name}.{key}" for name, other in SECTIONS.items() if key in other.fields]
        if not hint and elsewhere:
            hint = f"; did you mean {elsewhere[0]}?"
        return f"there is no such key{hint}"
    if not below:
        return None
    field = schema.fields[key]
    if not isinstance(field, Group) or len(below) > 1:
        return "there is no such key"
    return field.find_unknown(below[0])


def list_keys() -> Iterator[tuple[str, ...]]:
    """Yield the path of every key, and of every key below one."""
    for section, schema in SECTIONS.items():
        for key, field in schema.fields.items():
            yield section, key
            if isinstance(field, Group):
                yield from ((section, key, below) for below in field.schema.fields)


def is_group(section: str, key: str) -> bool:
    """Say whether what is set of this key is laid over what was set of it before."""
    return isinstance(SECTIONS[section].fields[key], Group)


def takes_yaml(*path: str) -> bool:
    """Say whether the environment spells this key as YAML: what is no text."""
    return not isinstance(_find_field(path), Parsed)


def takes_none(*path: str) -> bool:
    """Say whether an empty text in the environment means that there is nothing."""
    return _find_field(path).allow_none


def _find_field(path: Sequence[str]) -> fields.Field[Any]:
    section, key, *below = path
    field = SECTIONS[section].fields[key]
    return field.schema.fields[below[0]] if below and isinstance(field, Group) else field


def judge_section(
    section: str, members: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is right of a section, as its types, and marshmallow's messages by key."""
    return judge_members(SECTIONS[section], members, partial(find_unknown, section))
