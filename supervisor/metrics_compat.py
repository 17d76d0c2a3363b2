"""The names of other exporters, so that their dashboards and alerts go on working. Pure.

``bull``: bull_exporter (Grafana dashboard 10128). ``bullmq``: BullMQ's own exporter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric, SummaryMetricFamily

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.histograms import Histogram
from sockq.supervisor.metrics_families import counters, gauges
from sockq.workers.outcome_classes import SENDING_BOUNDS

_BULL: Final = (
    ("waiting", "ready"),
    ("active", "leased"),
    ("delayed", "delayed"),
    ("failed", "dead"),
)
_BULLMQ: Final = (*_BULL[:3], ("failed", "dead"))
_QUANTILES: Final = (0.5, 0.9, 0.99)


def bull(view: BoardView, totals: Mapping[str, int], recent_sending: list[int]) -> Iterator[Metric]:
    """bull_exporter's gauges, and its summary of the last five minutes, in milliseconds."""
    queues = _by_queue(view)
    for name, key in _BULL:
        yield gauges(
            f"bull_queue_{name}",
            f"Number of {name} jobs.",
            ("queue", "prefix"),
            [(queue, counts.get(key)) for queue, counts in queues.items()],
        )
    whole = (_common(view), "")
    yield gauges(
        "bull_queue_completed",
        "Jobs completed by this fleet since its start, of all its queues.",
        ("queue", "prefix"),
        [(whole, totals["delivered"])],
    )
    sending = view.histograms["sending"]
    labels = {"queue": whole[0], "prefix": whole[1]}
    family = SummaryMetricFamily(
        "bull_queue_complete_duration", "Milliseconds of requests.", labels=tuple(labels)
    )
    family.add_metric(whole, count_value=sending.count, sum_value=sending.seconds * 1000)
    recent = Histogram(SENDING_BOUNDS, recent_sending, 0.0)
    for quantile in _QUANTILES:
        value = recent.percentile_ms(quantile * 100)
        if value is not None:
            family.add_sample(family.name, {**labels, "quantile": str(quantile)}, value)
    yield family


def bullmq(view: BoardView, totals: Mapping[str, int]) -> Iterator[Metric]:
    """BullMQ's gauge of jobs by state, and its counters."""
    jobs: dict[tuple[str, str], float] = {}
    for (queue, _), counts in _by_queue(view).items():
        for state, key in _BULLMQ:
            if key in counts:
                jobs[queue, state] = jobs.get((queue, state), 0) + counts[key]
    family: GaugeMetricFamily = gauges(
        "bullmq_job_count",
        "Number of jobs in the queue by state.",
        ("queue", "state"),
        jobs.items(),
    )
    yield family
    whole = (_common(view),)
    for name, key in (("completed", "delivered"), ("failed", "dead")):
        yield counters(
            f"bullmq_job_{name}_total",
            f"Number of jobs {name}, of all queues of this fleet.",
            ("queue",),
            [(whole, totals[key])],
        )


def _by_queue(view: BoardView) -> dict[tuple[str, str], dict[str, int]]:
    """Counts by (queue, prefix): the last part of a source's name, and what stands before it."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for source in view.queue.sources:
        counts = found.setdefault(_split(source), {})
        for _, key in _BULL:
            if source[key] is not None:
                counts[key] = counts.get(key, 0) + source[key]
    return found


def _split(source: Mapping[str, Any]) -> tuple[str, str]:
    prefix, _, queue = str(source["name"]).rpartition(":")
    return queue, prefix


def _common(view: BoardView) -> str:
    """The name that all queues share; the fleet's word for them when they do not."""
    names = {_split(source)[0] for source in view.queue.sources}
    return names.pop() if len(names) == 1 else str(view.facts.get("queue") or "all")
