"""What the handlers work with, put together once by app/applications.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from sidecar.accounts import Accounts, OwnPassword
from sidecar.accounts.factors import SecondFactors
from sidecar.accounts.resets import Resets
from sidecar.clients.personal import PersonalTokens
from sidecar.clients.programs import Programs
from sidecar.clients.shown import ShownTokens
from sidecar.core.addresses import TrustedProxies
from sidecar.core.facts import Host, parse_host
from sidecar.core.redirect import is_safe_redirect
from sidecar.core.verdict import Deny
from sidecar.credentials.mint import Mint
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import PasswordRules
from sidecar.credentials.throttle import Throttle
from sidecar.gate import Gate
from sidecar.login import Login
from sidecar.ports import AuditStore
from sidecar.revocations import Revocations
from sidecar.rotation import Rotation
from sidecar.settings import Decisions, Dialect
from sidecar.web.credentials import CookieJar
from sidecar.web.decisions import Say
from sidecar.web.gateways import origin_of
from sidecar.web.identity import Identity
from sidecar.web.pace import Pace
from sidecar.web.pages.engine import Pages
from sidecar.web.pages.refused import RefusedPages
from sidecar.web.presented import Presenting
from sidecar.web.refusals import Refusals
from sidecar.web.turns import Turns


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """Where browsers reach this service; `path` is empty or begins, but never ends, with `/`."""

    scheme: str
    host: Host
    path: str

    @classmethod
    def parse(cls, url: str) -> "PublicUrl":
        """Return the parts of a public_url that the settings have judged."""
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host = parse_host(authority)
        if isinstance(host, Deny):
            raise TypeError("the settings let a public_url pass that has no host")
        return cls(scheme, host, slash + path)

    @property
    def origin(self) -> str:
        """The origin of our own pages."""
        return origin_of(self.scheme, self.host)

    @property
    def base(self) -> str:
        """The address of an endpoint up to its own path."""
        return f"{self.scheme}://{self.host}{self.path}"


@dataclass(frozen=True, slots=True)
class Health:
    """What readiness and metrics say; the callables read what other objects keep."""

    workers: int
    is_draining: Callable[[], bool]
    list_degraded: Callable[[], Sequence[str]]
    render_metrics: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Context:
    """The use cases, and what of the settings an answer depends on."""

    gate: Gate
    login: Login
    throttle: Throttle
    factors: SecondFactors
    rotation: Rotation
    mint: Mint
    programs: Programs
    client_key: bytes = field(repr=False)
    passwords: PasswordHasher
    rules: PasswordRules
    resets: Resets
    revocations: Revocations
    people: Accounts
    own_password: OwnPassword
    audit: AuditStore
    personal: PersonalTokens
    personal_key: bytes = field(repr=False)
    shown: ShownTokens
    health: Health
    public: PublicUrl
    jar: CookieJar
    dialect: Dialect
    trusted: TrustedProxies
    identity: Identity
    presenting: Presenting
    pace: Pace
    allowed_hosts: tuple[str, ...] | None
    cors_origins: frozenset[str]
    pages: Pages
    refused_pages: RefusedPages
    csrf_key: bytes = field(repr=False)
    publish_ahead: int
    admin_role: str
    decisions: Decisions
    say: Say
    refusals: Refusals = field(default_factory=Refusals)
    turns: Turns = field(default_factory=Turns)

    @property
    def login_url(self) -> str:
        """The address of the login page."""
        return f"{self.public.base}/login"

    def redirect_hosts(self) -> tuple[str, ...]:
        """Return where a login may send the browser: the settings' hosts, else the policy's."""
        return self.gate.policy.hosts if self.allowed_hosts is None else self.allowed_hosts

    def safe_redirect(self, rd: str | None) -> str | None:
        """Return `rd` where it is safe."""
        if rd is None:
            return None
        safe = is_safe_redirect(
            rd,
            public_scheme=self.public.scheme,
            public_host=self.public.host.name,
            hosts=self.redirect_hosts(),
        )
        return rd if safe else None


CONTEXT: Final = web.AppKey("CONTEXT", Context)
