"""Every key of the settings with its default, as texts.

Nothing is imported for it: `healthcheck` looks here for the names of the keys.
"""

from collections.abc import Mapping
from typing import Final

# What the headers are called unless the settings say otherwise.
HEADERS: Final[Mapping[str, str]] = {
    "user": "Remote-User",
    "name": "Remote-Name",
    "email": "Remote-Email",
    "groups": "Remote-Groups",
    "subject": "X-Auth-Subject",
    "scope": "X-Auth-Scope",
}
ASSERTION: Final = "X-Auth-Assertion"

LARGEST_SETTINGS: Final = 262_144  # octets of a settings or secret file; characters of a variable

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
