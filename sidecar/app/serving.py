"""One process that serves: a gate, and what keeps it fresh."""

import gc
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.app.background import running
from sidecar.app.canary import Canaries
from sidecar.app.garbage import Garbage
from sidecar.app.keyturns import KeyTurns
from sidecar.app.services import Services
from sidecar.app.sweep import LastUseFlush, Sweep
from sidecar.app.viewwatch import ViewWatch
from sidecar.app.warnings import find_policy_warnings
from sidecar.app.writewatch import WriteWatch
from sidecar.clock import read_clock, read_unix_ms
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.policy import Policy
from sidecar.credentials.buckets import KEY_USE, BucketNames
from sidecar.credentials.throttle import Throttle
from sidecar.gate import Gate, GateOptions
from sidecar.rotation import Rotation
from sidecar.settings import LaneUse
from sidecar.sources.keyring import OpenedRing, derive_key, describe_ring
from sidecar.sources.policyfile import PolicyFile
from sidecar.sources.watch import Watched
from sidecar.web.insides import FAULT
from sidecar.web.lane import Lane
from sidecar.web.protocol import Protocol

LOOKED_LATELY: Final = 5.0  # seconds since the last look at the keys; ten are made in that time

log = logging.getLogger("sidecar.app")


class Sources:
    """The files that are watched while a process serves."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.policy_file = PolicyFile(settings.policy_file, named=settings.policy_named)
        self.policy = Watched(
            "policy", self.policy_file.sign, self._read_policy, self._describe_policy
        )
        self.keys = Watched("keys", services.keys.sign, self._read_ring, self._describe_ring)
        self.policy_warnings: tuple[str, ...] = ()
        self._settings = settings
        self._services = services
        self._ring_before = self._ring = KeyRing.of([])

    async def _read_ring(self) -> OpenedRing:
        opened = await self._services.open_ring()
        self._ring_before, self._ring = self._ring, opened.ring
        return opened

    async def _describe_ring(self) -> Mapping[str, object]:
        return describe_ring(self._ring_before, self._ring, read_clock().unix)

    async def _read_policy(self) -> Policy:
        policy = await self.policy_file.read()
        name = str(self._settings.policy_file)
        self.policy_warnings = await find_policy_warnings(self._settings, policy, name)
        return policy

    async def _describe_policy(self) -> Mapping[str, object]:
        for warning in self.policy_warnings:
            log.warning("%s", warning)
        return await self.policy_file.describe()


class Serving:
    """A gate on its services, what keeps it fresh, and how it is."""

    def __init__(
        self, services: Services, sources: Sources, opened: OpenedRing, policy: Policy
    ) -> None:
        settings = services.settings
        self.services = services
        self.listening = self.draining = False
        self.garbage = Garbage()
        self._lane_fault = FAULT if settings.server.lane is LaneUse.AUTO else None
        has_lane = settings.server.lane is LaneUse.AUTO and FAULT is None
        self.protocol: type[Protocol] = Lane if has_lane else Protocol
        if self._lane_fault is not None:
            log.warning("no fast lane", extra={"cause": self._lane_fault})
        self.gate = Gate(
            GateOptions(
                issuer=Issuer(settings.tokens.issuer, settings.tokens.audience),
                clock_skew=settings.tokens.clock_skew,
                max_staleness=settings.revocation.max_staleness,
                when_stale=settings.revocation.when_stale,
                assertion_ttl=settings.identity.assertion.ttl,
            ),
            opened.ring,
            policy,
            services.view,
        )
        self.throttle = Throttle(
            BucketNames(
                derive_key(opened.secret, KEY_USE), logins_per_hour=settings.logins_per_hour
            ),
            services.store.marks,
            services.store.throttle,
            services.redis_throttle,
        )
        self._sources = sources
        self._feed = services.store.make_feed(services.ear.listen("sql"), services.ear.heard_sql)
        self._view_watch = ViewWatch(self.gate, settings.revocation.when_stale, services.writers)
        self._write_watch = WriteWatch(services.store)
        self._flush = LastUseFlush(self.gate.last_use, services.store.sweep)
        self._sweep = Sweep(
            services.view,
            services.store.sweep,
            services.revocations,
            self._flush,
            refresh_ttl=settings.tokens.refresh_ttl,
            idle_ttl=settings.session.idle_ttl,
        )
        self._key_turns = KeyTurns(services.key_rotation, self.gate.present_ring, sources.keys.ask)

    def _adopt_ring(self, opened: OpenedRing) -> None:
        self.gate.ring = opened.ring

    def _note_look(self, at: float) -> None:
        self.gate.ring_read_at = at

    def _adopt_policy(self, policy: Policy) -> None:
        self.gate.policy = policy

    def reload(self) -> None:
        """Have keys and policy read again."""
        self._sources.keys.ask()
        self._sources.policy.ask()

    def list_degraded(self) -> list[str]:
        """Return what does not work as it should, while the gate can still decide."""
        return sorted(part for part, degraded in self._judge_parts().items() if degraded)

    def _judge_parts(self) -> dict[str, bool]:
        """Say of each part whether it does not work as it should."""
        redis, sources = self.services.redis, self._sources
        parts = {each.name: each.problem is not None for each in (sources.keys, sources.policy)}
        parts["policy"] |= sources.policy_file.missing
        parts["lane"] = self._lane_fault is not None
        looked = read_clock().monotonic - self.gate.ring_read_at
        parts["keys"] |= self._key_turns.overdue or looked > LOOKED_LATELY
        parts["sql"] = not self._feed.healthy or self.services.store.write_problem is not None
        if redis is not None:
            parts["redis"] = not redis.healthy
        return parts

    def render_metrics(self, rotation: Rotation, logins: Mapping[str, int]) -> bytes:
        """Return all metrics in the text format of Prometheus; `logins` are counted by outcome."""
        from sidecar.telemetry.metrics import render_metrics  # noqa: PLC0415 - 3 MB, for scrapes

        redis = self.services.redis
        counters = {} if redis is None else redis.counters()
        parts = self._judge_parts()
        return render_metrics(
            self.gate,
            rotation,
            logins,
            self.throttle,
            counters,
            parts,
            self.services.propagation,
            self.services.settings.revocation.max_staleness,
            lane=self.protocol is Lane,
        )

    async def take_first_view(self) -> None:
        """Read all revocations: before, the gate decides nothing. Raises StoreUnavailable."""
        # Whatever lives now lives as long as the process: the garbage collector need not look at it
        # again, which would hold up requests for 30 ms each time.
        gc.freeze()
        await self._feed.start()

    @asynccontextmanager
    async def run_feeds(self, ended: Callable[[], None]) -> AsyncIterator[None]:
        """Keep ring, policy and view fresh until the block is left.

        Where a bug ends one of the tasks, `ended` is called. Raises BackgroundEnded then.
        """
        work: dict[str, Coroutine[Any, Any, object]] = {
            "the feed of SQL": self._feed.run(),
            "the watch over the age of the view": self._view_watch.run(),
            "the watch over writes": self._write_watch.run(),
            "the watch over the keys": self._sources.keys.run(self._adopt_ring, self._note_look),
            "the turn of the keys": self._key_turns.run(),
            "the watch over the policy": self._sources.policy.run(self._adopt_policy),
            "the flush of last uses": self._flush.run(),
            "the sweep": self._sweep.run(),
            "the collection of garbage": self.garbage.run(),
        }
        if self.services.redis is not None:
            work["the feed of Redis"] = self.services.redis.run()
            work["the outbox"] = self.services.revocations.run_outbox()
            work["what waits for Redis"] = self.services.revocations.run_repeats()
        propagation, period = self.services.propagation, self.services.settings.revocation.canary
        propagation.begin(read_unix_ms())
        if period is not None:
            canaries = Canaries(propagation, self.services.revocations, period)
            work["the canaries"] = canaries.run()
        redis = self.services.redis
        if redis is None:
            async with running(work, ended=ended):
                yield
            return
        # The others count on its word until it has said that it ends: what it does besides may take
        # seconds to end, as while the database is frozen.
        async with running({"the word in Redis": redis.vouch()}, ended=ended):
            async with running(work, ended=ended):
                yield
            await redis.end()
