"""How long revocations take, as canaries have measured it."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from sidecar.core.propagation import BOUNDS, Propagation


def collect_propagation(propagation: Propagation, monotonic: float) -> Iterator[Metric]:
    """Yield what this process has measured until now."""
    histogram = HistogramMetricFamily(
        "sidecar_revocation_propagation_seconds",
        "Seconds from the acknowledgement of a revocation until a feed has this process refuse it,"
        " by who revoked (own, other) and which feed brought it first (none: not in time)",
        labels=["replica", "feed"],
    )
    bounds = [*map(str, BOUNDS), "+Inf"]
    for (whose, feed), each in sorted(propagation.histograms.items()):
        buckets = zip(bounds, accumulate(each.counts), strict=True)
        histogram.add_metric([whose, feed], list(buckets), each.total)
    yield histogram
    silence = GaugeMetricFamily(
        "sidecar_revocation_canary_age_seconds",
        "Seconds since a feed brought back one of the revocations that this process measures by",
        labels=[],
    )
    seconds = propagation.find_silence(monotonic)
    if seconds is not None:
        silence.add_metric([], seconds)
    yield silence
    yield GaugeMetricFamily(
        "sidecar_revocation_canary_replicas",
        "Processes whose canaries the feeds brought in the last two minutes, this one among them",
        value=propagation.count_replicas(monotonic),
    )
    yield CounterMetricFamily(
        "sidecar_revocation_canary_failures",
        "Canaries that could not be written to the database",
        value=propagation.failures,
    )
    yield CounterMetricFamily(
        "sidecar_revocation_canary_ahead",
        "Canaries of others that came before they were sent, by the clocks of both machines",
        value=propagation.ahead,
    )
