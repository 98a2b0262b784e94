"""Read the settings from everywhere and judge them all at once."""

from collections.abc import Mapping
from pathlib import Path

from sidecar.core.policy import WhenStale
from sidecar.errors import DocumentInvalid
from sidecar.settings.files import find_file, read_file
from sidecar.settings.merge import Merged
from sidecar.settings.redisfiles import read_redis_access
from sidecar.settings.sources import read_environment, read_flags
from sidecar.settings.together import judge_together
from sidecar.settings.types import (
    AssertionSettings,
    BootstrapSettings,
    CookieHandling,
    Decisions,
    Dialect,
    GatewaySettings,
    IdentitySettings,
    KeySettings,
    LaneUse,
    PageSettings,
    RedisAccess,
    RevocationSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    TokenSettings,
)


def load_settings(
    file: Path | None, *, environ: Mapping[str, str], flags: Mapping[str, object]
) -> Settings:
    """Return the settings in force. Raises DocumentInvalid with every problem at once.

    Defaults < file < `SIDECAR_SECTION__KEY` or the file that `SIDECAR_SECTION__KEY_FILE` names <
    flags. `file` is the settings file that was named; without it `SIDECAR_CONFIG` of `environ`
    counts, else `sidecar.yaml` where there is one. The keys of `flags` are spelled `section.key`;
    None is a flag that was not given. Relative paths are relative to the settings file's folder,
    without one and in flags to the current one.
    """
    here = Path.cwd()
    path = find_file(file, environ)
    base = here if path is None else (here / path).parent
    merged = Merged(base)
    if path is not None:
        try:
            merged.add(read_file(path), base)
        except DocumentInvalid as error:
            merged.add_unreadable(*error.problems)
    for document in read_environment(environ, base):
        merged.add(document, base)
    for document in read_flags(flags):
        merged.add(document, here)
    judge_together(merged)
    redis_access = read_redis_access(merged)
    if merged.problems:
        raise DocumentInvalid(merged.problems)
    return _build(merged, redis_access)


def _build(merged: Merged, redis_access: RedisAccess) -> Settings:
    """Return the settings as their types."""
    value = merged.values
    hosts = value["redirect", "allowed_hosts"]
    return Settings(
        server=ServerSettings(
            listen=value["server", "listen"],
            operations_listen=value["server", "operations_listen"],
            gate_listen=value["server", "gate_listen"],
            public_url=value["server", "public_url"],
            lane=LaneUse(value["server", "lane"]),
        ),
        gateway=GatewaySettings(
            dialect=Dialect(value["gateway", "dialect"]),
            trusted_proxies=tuple(value["gateway", "trusted_proxies"]),
        ),
        tokens=TokenSettings(
            issuer=value["tokens", "issuer"] or value["server", "public_url"],
            audience=tuple(value["tokens", "audience"]),
            access_ttl=value["tokens", "access_ttl"],
            clock_skew=value["tokens", "clock_skew"],
            refresh_ttl=value["tokens", "refresh_ttl"],
            refresh_grace=value["tokens", "refresh_grace"],
            session_ttl=value["tokens", "session_ttl"],
            role_scopes=value["tokens", "role_scopes"],
        ),
        session=SessionSettings(
            ttl=value["session", "ttl"],
            remember_ttl=value["session", "remember_ttl"],
            idle_ttl=value["session", "idle_ttl"],
            domain=tuple(value["session", "domain"] or ()),
            max_per_user=value["session", "max_per_user"],
        ),
        allowed_hosts=None if hosts is None else tuple(hosts),
        cors_origins=tuple(value["cors", "origins"]),
        keys=KeySettings(
            directory=value["keys", "directory"],
            rotate_every=value["keys", "rotate_every"],
            publish_ahead=value["keys", "publish_ahead"],
            passphrase_file=value["keys", "passphrase_file"],
        ),
        database_url=value["database", "url"],
        redis_url=value["redis", "url"],
        redis_access=redis_access,
        revocation=RevocationSettings(
            max_staleness=value["revocation", "max_staleness"],
            when_stale=WhenStale(value["revocation", "when_stale"]),
            keep_after=value["revocation", "keep_after"],
            canary=value["revocation", "canary"],
        ),
        policy_file=value["policy", "file"],
        policy_named=merged.was_given(("policy", "file")),
        identity=IdentitySettings(
            headers=value["identity", "headers"],
            cookie=CookieHandling(value["identity", "cookie"]),
            assertion=AssertionSettings(**value["identity", "assertion"]),
        ),
        admin_role=value["accounts", "admin_role"],
        password_min_length=value["accounts", "password_min_length"],
        reset_ttl=value["accounts", "reset_ttl"],
        logins_per_hour=value["throttle", "logins_per_hour"],
        bootstrap=BootstrapSettings(
            admin=value["bootstrap", "admin"], password=value["bootstrap", "password"]
        ),
        pages=PageSettings(
            name=value["pages", "name"],
            logo=value["pages", "logo"],
            stylesheet=value["pages", "stylesheet"],
            texts=value["pages", "texts"],
        ),
        log_level=value["log", "level"],
        log_decisions=Decisions(value["log", "decisions"]),
    )
