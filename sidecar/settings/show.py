"""Settings as an operator reads them: in the file's shape, secrets hidden."""

import re
from typing import Any, Final

from sidecar.settings.types import Settings

HIDDEN: Final = "***"

_PASSWORD: Final = re.compile(r"(://[^:/@]*):[^@]*@")


def describe_settings(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings in force as a settings file would hold them; durations are seconds."""
    tokens, session, revocation = settings.tokens, settings.session, settings.revocation
    described: dict[str, dict[str, Any]] = {
        "server": {
            "listen": str(settings.server.listen),
            "operations_listen": str(settings.server.operations_listen),
            "public_url": settings.server.public_url,
        },
        "gateway": {
            "dialect": settings.gateway.dialect.value,
            "trusted_proxies": [str(each) for each in settings.gateway.trusted_proxies],
        },
        "tokens": {
            "issuer": tokens.issuer,
            "audience": list(tokens.audience),
            "access_ttl": f"{tokens.access_ttl}s",
            "clock_skew": f"{tokens.clock_skew}s",
            "refresh_ttl": f"{tokens.refresh_ttl}s",
            "refresh_grace": f"{tokens.refresh_grace}s",
            "session_ttl": f"{tokens.session_ttl}s",
        },
        "session": {
            "ttl": f"{session.ttl}s",
            "remember_ttl": f"{session.remember_ttl}s",
            "domain": list(session.domain) or None,
        },
        "redirect": {},
        "cors": {"origins": list(settings.cors_origins)},
        "keys": {
            "directory": str(settings.keys_directory),
            "publish_ahead": f"{settings.publish_ahead}s",
        },
        "database": {"url": hide_password(settings.database_url)},
        "redis": {"url": hide_password(settings.redis_url)},
        "revocation": {
            "max_staleness": f"{revocation.max_staleness}s",
            "when_stale": revocation.when_stale.value,
            "keep_after": f"{revocation.keep_after}s",
        },
        "policy": {"file": str(settings.policy_file)},
        "accounts": {
            "admin_role": settings.admin_role,
            "password_min_length": settings.password_min_length,
        },
        "bootstrap": {
            "admin": settings.bootstrap.admin,
            "password": None if settings.bootstrap.password is None else HIDDEN,
        },
        "log": {"level": settings.log_level, "decisions": settings.log_decisions.value},
    }
    if settings.allowed_hosts is not None:
        described["redirect"]["allowed_hosts"] = list(settings.allowed_hosts)
    return described


def hide_password(url: str | None) -> str | None:
    """Return a URL with its password hidden."""
    return None if url is None else _PASSWORD.sub(rf"\1:{HIDDEN}@", url)


def find_warnings(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but may not be meant."""
    url = settings.server.public_url
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    if url.startswith("http://") and host not in {"localhost", "127.0.0.1", "["}:
        return (f"server.public_url: browsers keep no session cookie for {url}: it needs https",)
    return ()
