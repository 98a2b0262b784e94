"""Everything that an operator decides, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sidecar.core.addresses import Network
from sidecar.core.policy import WhenStale
from sidecar.schemas.values import Listen


class Dialect(StrEnum):
    """How a gateway asks."""

    NGINX = "nginx"
    TRAEFIK = "traefik"
    CADDY = "caddy"
    HAPROXY = "haproxy"
    ENVOY = "envoy"


class LaneUse(StrEnum):
    """Whether questions take the fast lane: where aiohttp lets them, or never."""

    AUTO = "auto"
    OFF = "off"


class Decisions(StrEnum):
    """Which decisions are logged."""

    REFUSALS = "refusals"
    ALL = "all"


class CookieHandling(StrEnum):
    """Which cookies of a client an upstream is handed: all but ours, or all."""

    STRIP = "strip"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`public_url` is where browsers and clients reach the service; without a slash at its end.

    Where `gate_listen` is not None gateways ask there, and nowhere else.
    """

    listen: Listen
    operations_listen: Listen
    gate_listen: Listen | None
    public_url: str
    lane: LaneUse


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Which proxy asks, and from where."""

    dialect: Dialect
    trusted_proxies: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """All durations are seconds; `role_scopes` has the scopes, sorted, of who is in a role."""

    issuer: str
    audience: tuple[str, ...]
    access_ttl: int
    clock_skew: int
    refresh_ttl: int
    refresh_grace: int
    session_ttl: int
    role_scopes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Sessions, and the browser's cookie; all durations are seconds.

    `idle_ttl` is None where a cookie does not end sooner for not being used. `domain` is a tuple of
    domains, empty: the host that set it alone. A user has at most `max_per_user` sessions.
    """

    ttl: int
    remember_ttl: int
    idle_ttl: int | None
    domain: tuple[str, ...]
    max_per_user: int


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The key ring; all durations are seconds.

    `passphrase_file` holds what new private keys are encrypted with; None: they are not.
    """

    directory: Path
    rotate_every: int
    publish_ahead: int
    passphrase_file: Path | None


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """What is shown to a Redis beside its URL, and by what it is known; passwords are the text.

    `ca_file` is None where the authorities of the system are meant.
    """

    password_file: Path | None = None
    sentinel_password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RevocationSettings:
    """All durations are seconds; `canary` is None where none are released."""

    max_staleness: int
    when_stale: WhenStale
    keep_after: int
    canary: int | None


@dataclass(frozen=True, slots=True)
class AssertionSettings:
    """The short token for upstreams, in this header; `ttl` is seconds."""

    enabled: bool
    header: str
    ttl: int


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """What upstreams are told of who asks.

    `headers` names a header for each of user, name, email, groups, subject and scope, in that
    order.
    """

    headers: Mapping[str, str]
    cookie: CookieHandling
    assertion: AssertionSettings


@dataclass(frozen=True, slots=True)
class PageSettings:
    """How the pages are called, look and speak; None is what comes with this package.

    Without a name they are called as the host of `public_url`.
    """

    name: str | None
    logo: Path | None
    stylesheet: Path | None
    texts: Path | None


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """The first administrator, while there is no user."""

    admin: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator decides. Paths are absolute; secrets are left out of `repr`.

    `policy_named` says whether somebody named the policy file, so that its absence is a mistake.
    `allowed_hosts` is None where the hosts of the policy are meant.
    """

    server: ServerSettings
    gateway: GatewaySettings
    tokens: TokenSettings
    session: SessionSettings
    allowed_hosts: tuple[str, ...] | None
    cors_origins: tuple[str, ...]
    keys: KeySettings
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    redis_access: RedisAccess
    revocation: RevocationSettings
    policy_file: Path
    policy_named: bool
    identity: IdentitySettings
    admin_role: str
    password_min_length: int
    reset_ttl: int
    logins_per_hour: int
    bootstrap: BootstrapSettings
    pages: PageSettings
    log_level: str
    log_decisions: Decisions
