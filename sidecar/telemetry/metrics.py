"""Metrics, read off the integers that objects keep, at the moment somebody asks."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from sidecar.clock import read_clock
from sidecar.core.propagation import Propagation
from sidecar.core.throttle import TOO_MANY_ATTEMPTS
from sidecar.credentials.throttle import Throttle
from sidecar.gate import Gate
from sidecar.rotation import Rotation
from sidecar.telemetry.propagation import collect_propagation


class ServiceCollector:
    """Reads what decides and turns, the counters of the feed of Redis, and what is degraded."""

    def __init__(
        self,
        gate: Gate,
        rotation: Rotation,
        logins: Mapping[str, int],
        throttle: Throttle,
        redis: Mapping[str, int],
        parts: Mapping[str, bool],
        propagation: Propagation,
        max_staleness: int,
        *,
        lane: bool,
    ) -> None:
        self._gate = gate
        self._rotation = rotation
        self._logins = logins
        self._throttle = throttle
        self._redis = redis
        self._parts = parts
        self._propagation = propagation
        self._max_staleness = max_staleness
        self._lane = lane

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its value of now."""
        decisions = CounterMetricFamily(
            "sidecar_decisions", "Decisions by verdict and reason", labels=["verdict", "reason"]
        )
        for reason, count in sorted(self._gate.decisions.items()):
            match reason:
                case "allow":
                    decisions.add_metric(["allow", ""], count)
                case "unavailable":
                    decisions.add_metric(["unavailable", ""], count)
                case _:
                    decisions.add_metric(["deny", reason], count)
        yield decisions
        now, view = read_clock(), self._gate.view
        age = self._gate.view_age(now)
        yield GaugeMetricFamily(
            "sidecar_revocation_view_age_seconds",
            "Seconds since the revocations were last read",
            value=float("inf") if age is None else age,
        )
        yield GaugeMetricFamily(
            "sidecar_revocation_max_staleness_seconds",
            "The setting revocation.max_staleness: how old the view may be",
            value=self._max_staleness,
        )
        yield GaugeMetricFamily(
            "sidecar_revocations",
            "Revocations in the view, without canaries",
            value=len(view) - self._propagation.count_held(view),
        )
        yield from collect_propagation(self._propagation, now.monotonic)
        yield CounterMetricFamily(
            "sidecar_stale_allows",
            "Decisions by a view that was too old, under when_stale: allow",
            value=self._gate.stale_allows,
        )
        yield GaugeMetricFamily(
            "sidecar_lane", "1 where questions may take the fast lane", value=self._lane
        )
        yield CounterMetricFamily(
            "sidecar_refresh_replays_elsewhere",
            "Refresh tokens that were shown again within the grace, from another device",
            value=self._rotation.replays_elsewhere,
        )
        yield from self._collect_logins()
        degraded = GaugeMetricFamily(
            "sidecar_degraded",
            "1 where a part does not work as it should: a new policy that is wrong is not in force",
            labels=["part"],
        )
        for part, is_degraded in sorted(self._parts.items()):
            degraded.add_metric([part], is_degraded)
        yield degraded
        for name, count in self._redis.items():
            yield CounterMetricFamily(f"sidecar_redis_{name}", f"Redis feed: {name}", value=count)

    def _collect_logins(self) -> Iterator[Metric]:
        logins = CounterMetricFamily("sidecar_logins", "Attempts to log in", labels=["outcome"])
        waiting = sum(self._throttle.throttled.values())
        for outcome, number in sorted({**self._logins, TOO_MANY_ATTEMPTS: waiting}.items()):
            logins.add_metric([outcome], number)
        yield logins
        throttled = CounterMetricFamily(
            "sidecar_throttled", "Attempts that had to wait, by what took no more", labels=["by"]
        )
        for kind, number in sorted(self._throttle.throttled.items()):
            throttled.add_metric([kind], number)
        yield throttled
        yield CounterMetricFamily(
            "sidecar_throttle_unshared",
            "Attempts that were counted in SQL because Redis did not answer",
            value=self._throttle.unshared,
        )


def render_metrics(
    gate: Gate,
    rotation: Rotation,
    logins: Mapping[str, int],
    throttle: Throttle,
    redis: Mapping[str, int],
    parts: Mapping[str, bool],
    propagation: Propagation,
    max_staleness: int,
    *,
    lane: bool,
) -> bytes:
    """Return all metrics in the text format of Prometheus.

    `logins` are attempts by outcome, `redis` are the feed's counters, empty where there is none;
    `parts` says which are degraded, `max_staleness` is seconds, `lane` says whether there is one.
    """
    registry = CollectorRegistry(auto_describe=False)
    collector = ServiceCollector(
        gate, rotation, logins, throttle, redis, parts, propagation, max_staleness, lane=lane
    )
    registry.register(collector)
    return generate_latest(registry)
