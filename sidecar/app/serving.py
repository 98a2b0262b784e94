"""One process that serves: a gate, what keeps it fresh, and the applications of its listeners."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NoReturn

from aiohttp import web

from sidecar.accounts import NewUser
from sidecar.app.background import running
from sidecar.app.services import Services
from sidecar.clock import Now, read_clock
from sidecar.core.addresses import TrustedProxies
from sidecar.core.grant import Issuer
from sidecar.core.policy import Policy
from sidecar.credentials.mint import Lifetimes, Mint
from sidecar.errors import StoreUnavailable
from sidecar.gate import Gate, GateOptions
from sidecar.login import Login
from sidecar.rotation import RefreshOptions, Rotation
from sidecar.sources.keyring import OpenedRing, derive_key
from sidecar.sources.policyfile import PolicyFile
from sidecar.sources.watch import Watched
from sidecar.web.context import Context, Health, PublicUrl
from sidecar.web.credentials import CookieJar, warn_unreached
from sidecar.web.routes import make_operations_app, make_public_app

SWEEP_PERIOD: Final = 60.0  # seconds
LARGEST_STEP: Final = 60  # seconds that the wall clock may gain or lose between two sweeps

log = logging.getLogger("sidecar.app")


class Sources:
    """The files that are watched while a process serves."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.policy_file = PolicyFile(settings.policy_file, named=settings.policy_named)
        self.policy = Watched("policy", self.policy_file.sign, self.policy_file.read)
        self.keys = Watched("keys", services.keys.sign, services.open_ring)


class Serving:
    """A gate on its services, what keeps it fresh, and how it is."""

    def __init__(
        self, services: Services, sources: Sources, opened: OpenedRing, policy: Policy
    ) -> None:
        settings = services.settings
        self.services = services
        self.listening = self.draining = False
        self.gate = Gate(
            GateOptions(
                issuer=Issuer(settings.tokens.issuer, settings.tokens.audience),
                clock_skew=settings.tokens.clock_skew,
                max_staleness=settings.revocation.max_staleness,
                when_stale=settings.revocation.when_stale,
            ),
            opened.ring,
            policy,
            services.view,
        )
        self._sources = sources
        self._feed = services.store.make_feed(services.view.apply, services.view.heard)

    def _adopt_ring(self, opened: OpenedRing) -> None:
        self.gate.ring = opened.ring

    def _adopt_policy(self, policy: Policy) -> None:
        self.gate.policy = policy

    def reload(self) -> None:
        """Have keys and policy read again."""
        self._sources.keys.ask()
        self._sources.policy.ask()

    def list_degraded(self) -> list[str]:
        """Return what does not work as it should, while the gate can still decide."""
        redis, sources = self.services.redis, self._sources
        watched = (sources.keys, sources.policy)
        degraded = {each.name for each in watched if each.problem is not None}
        if sources.policy_file.missing:
            degraded.add("policy")
        if not self._feed.healthy:
            degraded.add("sql")
        if redis is not None and not redis.healthy:
            degraded.add("redis")
        return sorted(degraded)

    def render_metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        from sidecar.telemetry.metrics import render_metrics  # noqa: PLC0415 - 3 MB, for scrapes

        redis = self.services.redis
        return render_metrics(self.gate, {} if redis is None else redis.counters())

    async def take_first_view(self) -> None:
        """Read all revocations: before, the gate decides nothing. Raises StoreUnavailable."""
        await self._feed.start()

    def run_feeds(self, ended: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Keep ring, policy and view fresh until the block is left.

        Where a bug ends one of the tasks, `ended` is called. Raises BackgroundEnded then.
        """
        work: dict[str, Coroutine[Any, Any, object]] = {
            "the feed of SQL": self._feed.run(),
            "the watch over the keys": self._sources.keys.run(self._adopt_ring),
            "the watch over the policy": self._sources.policy.run(self._adopt_policy),
            "the sweep": self._sweep(),
        }
        if self.services.redis is not None:
            work["the feed of Redis"] = self.services.redis.run()
            work["the outbox"] = self.services.revocations.run_outbox()
        return running(work, ended=ended)

    async def _sweep(self) -> NoReturn:
        """Forget what is over, here and in the store, for ever.

        It does not go by a clock that has just jumped: what that calls over may be alive once it
        jumps back.
        """
        now = read_clock()
        while True:
            await asyncio.sleep(SWEEP_PERIOD)
            before, now = now, read_clock()
            if clock_jumped(before, now):
                log.warning("nothing was swept: the clock jumped", extra={"unix": now.unix})
                continue
            self.gate.view.forget(now.unix)
            try:
                await self.services.store.revocations.purge(now.unix)
            except StoreUnavailable as error:
                log.warning("nothing was purged", extra={"cause": str(error)})


def clock_jumped(before: Now, now: Now) -> bool:
    """Say whether the wall clock moved otherwise than time passed."""
    passed = now.monotonic - before.monotonic
    return abs(now.unix - before.unix - passed) > LARGEST_STEP


async def create_app(
    services: Services, workers: int
) -> tuple[Serving, web.Application, web.Application]:
    """Return what serves, and the applications of the public and the operations listener.

    Reads ring and policy, and makes the first administrator where the settings name one. Raises
    DocumentInvalid, RingMismatch, StoreUnavailable.
    """
    settings = services.settings
    sources = Sources(services)
    policy = await sources.policy.open()
    if sources.policy_file.missing:
        log.warning("no policy: everything is refused", extra={"file": str(settings.policy_file)})
    opened = await sources.keys.open()
    serving = Serving(services, sources, opened, policy)
    await _bootstrap(services)
    context = _make_context(serving, opened.secret, workers)
    for warning in warn_unreached(context.jar, policy.hosts, context.public.host.name):
        log.warning("%s", warning)
    public = make_public_app(context)
    return serving, public, make_operations_app(context)


async def _bootstrap(services: Services) -> None:
    bootstrap = services.settings.bootstrap
    if bootstrap.admin is None or bootstrap.password is None:
        return
    user = await services.accounts.add_first_administrator(
        NewUser(bootstrap.admin), bootstrap.password, read_clock().unix
    )
    if user is not None:
        log.info("made the first administrator", extra={"username": user.username})


def _make_context(serving: Serving, secret: bytes, workers: int) -> Context:
    services, settings = serving.services, serving.services.settings
    tokens, session = settings.tokens, settings.session
    refresh_key = derive_key(secret, "refresh tokens")
    mint = Mint(
        Issuer(tokens.issuer, tokens.audience),
        Lifetimes(
            access=tokens.access_ttl,
            refresh=tokens.refresh_ttl,
            bearer_session=tokens.session_ttl,
            cookie_session=session.ttl,
            remembered_session=session.remember_ttl,
        ),
        refresh_key,
        lambda: serving.gate.ring,
    )
    return Context(
        gate=serving.gate,
        login=Login(services.store.sessions, services.passwords, mint),
        rotation=Rotation(
            services.store.sessions,
            mint,
            RefreshOptions(refresh_key, tokens.refresh_grace),
            services.revocations.end_session,
        ),
        revocations=services.revocations,
        accounts=services.store.sessions,
        health=Health(
            workers=workers,
            is_draining=lambda: serving.draining or not serving.listening,
            list_degraded=serving.list_degraded,
            render_metrics=serving.render_metrics,
        ),
        public=PublicUrl.parse(settings.server.public_url),
        jar=CookieJar(session.domain),
        dialect=settings.gateway.dialect,
        trusted=TrustedProxies(settings.gateway.trusted_proxies),
        allowed_hosts=settings.allowed_hosts,
        cors_origins=frozenset(settings.cors_origins),
        publish_ahead=settings.publish_ahead,
        decisions=settings.log_decisions,
    )
