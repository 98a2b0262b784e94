"""Settings as an operator reads them: in the file's shape, secrets hidden."""

import re
from typing import Any, Final

from sidecar.schemas.values import format_duration
from sidecar.settings.types import Settings

HIDDEN: Final = "***"

# From the first colon behind the scheme to the last `@` before the path; a query may hold one too.
_USERINFO: Final = re.compile(r"(://[^:/@]*):[^/]*@")
_QUERY: Final = re.compile(
    r"([?&](?:password|passwd|pwd|sslpassword|ssl_password)=)[^&]*", re.IGNORECASE
)


def describe_settings(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings in force as a settings file would hold them, secrets as `***`."""
    server, gateway, tokens = settings.server, settings.gateway, settings.tokens
    session, revocation, bootstrap = settings.session, settings.revocation, settings.bootstrap
    pages = settings.pages
    files = {"logo": pages.logo, "stylesheet": pages.stylesheet, "texts": pages.texts}
    access = settings.redis_access
    redis_files = {
        "password_file": access.password_file,
        "sentinel_password_file": access.sentinel_password_file,
        "ca_file": access.ca_file,
        "cert_file": access.cert_file,
        "key_file": access.key_file,
    }
    keys, assertion, hosts = settings.keys, settings.identity.assertion, settings.allowed_hosts
    return {
        "server": {
            "listen": str(server.listen),
            "operations_listen": str(server.operations_listen),
            "gate_listen": None if server.gate_listen is None else str(server.gate_listen),
            "public_url": server.public_url,
            "lane": server.lane.value,
        },
        "gateway": {
            "dialect": gateway.dialect.value,
            "trusted_proxies": [str(network) for network in gateway.trusted_proxies],
        },
        "tokens": {
            "issuer": tokens.issuer,
            "audience": list(tokens.audience),
            "access_ttl": format_duration(tokens.access_ttl),
            "clock_skew": format_duration(tokens.clock_skew),
            "refresh_ttl": format_duration(tokens.refresh_ttl),
            "refresh_grace": format_duration(tokens.refresh_grace),
            "session_ttl": format_duration(tokens.session_ttl),
            "role_scopes": {role: list(scopes) for role, scopes in tokens.role_scopes.items()},
        },
        "session": {
            "ttl": format_duration(session.ttl),
            "remember_ttl": format_duration(session.remember_ttl),
            "idle_ttl": None if session.idle_ttl is None else format_duration(session.idle_ttl),
            "domain": list(session.domain) or None,
            "max_per_user": session.max_per_user,
        },
        "redirect": {"allowed_hosts": None if hosts is None else list(hosts)},
        "cors": {"origins": list(settings.cors_origins)},
        "keys": {
            "directory": str(keys.directory),
            "rotate_every": format_duration(keys.rotate_every),
            "publish_ahead": format_duration(keys.publish_ahead),
            "passphrase_file": None if keys.passphrase_file is None else str(keys.passphrase_file),
        },
        "database": {"url": hide_password(settings.database_url)},
        "redis": {
            "url": hide_password(settings.redis_url),
            **{key: None if path is None else str(path) for key, path in redis_files.items()},
        },
        "revocation": {
            "max_staleness": format_duration(revocation.max_staleness),
            "when_stale": revocation.when_stale.value,
            "keep_after": format_duration(revocation.keep_after),
            "canary": None if revocation.canary is None else format_duration(revocation.canary),
        },
        "policy": {"file": str(settings.policy_file)},
        "identity": {
            "headers": dict(settings.identity.headers),
            "cookie": settings.identity.cookie.value,
            "assertion": {
                "enabled": assertion.enabled,
                "header": assertion.header,
                "ttl": format_duration(assertion.ttl),
            },
        },
        "accounts": {
            "admin_role": settings.admin_role,
            "password_min_length": settings.password_min_length,
            "reset_ttl": format_duration(settings.reset_ttl),
        },
        "throttle": {"logins_per_hour": settings.logins_per_hour},
        "bootstrap": {
            "admin": bootstrap.admin,
            "password": None if bootstrap.password is None else HIDDEN,
        },
        "pages": {
            "name": pages.name,
            **{key: None if path is None else str(path) for key, path in files.items()},
        },
        "log": {"level": settings.log_level, "decisions": settings.log_decisions.value},
    }


def hide_password(url: str | None) -> str | None:
    """Return a store's URL with its password hidden."""
    if url is None or url.startswith("sqlite:"):
        return url
    return _QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1:{HIDDEN}@", url))
