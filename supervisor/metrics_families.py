"""Short forms for families of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from sockq.supervisor.histograms import Histogram

_INF: Final = "+Inf"

#: Label values and the number; None: not known, so not told.
Rows = Iterable[tuple[Sequence[str], float | None]]


def gauge(name: str, what: str, value: float | None) -> list[GaugeMetricFamily]:
    """One gauge without labels; none when the value is not known."""
    return [] if value is None else [GaugeMetricFamily(name, what, value)]


def gauges(name: str, what: str, labels: Sequence[str], rows: Rows) -> GaugeMetricFamily:
    """A gauge with labels."""
    family = GaugeMetricFamily(name, what, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def counter(name: str, what: str, value: float) -> CounterMetricFamily:
    """One counter without labels; ``name`` ends in ``_total``."""
    return CounterMetricFamily(name, what, value)


def counters(name: str, what: str, labels: Sequence[str], rows: Rows) -> CounterMetricFamily:
    """A counter with labels; children that are 0 belong to it, or their first rise is missed."""
    family = CounterMetricFamily(name, what, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def histograms(
    name: str,
    what: str,
    labels: Sequence[str],
    each: Mapping[tuple[str, ...], Histogram],
) -> HistogramMetricFamily:
    """A histogram with labels."""
    family = HistogramMetricFamily(name, what, labels=labels)
    for values, histogram in each.items():
        below = 0
        told: list[tuple[str, float]] = []
        bounds = (*map(str, histogram.bounds), _INF)
        for bound, count in zip(bounds, histogram.buckets, strict=True):
            below += count
            told.append((bound, below))
        family.add_metric(values, told, sum_value=histogram.seconds)
    return family
