"""Metrics of the queue and of the jobs in it. Pure: a view of the board goes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import Metric

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.metrics_families import counter, counters, gauge, gauges, histograms

_DEPTHS = (("waiting", "ready"), ("active", "leased"), ("delayed", "delayed"), ("dead", "dead"))
#: Outcome and the counter of the status document. Each job counts once.
_OUTCOMES = (
    ("delivered", "jobs_delivered"),
    ("filtered", "filtered"),
    ("dead", "dead_undelivered"),
    ("invalid", "dead_invalid"),
    ("tampered", "dead_tampered"),
    ("unknown_app", "dead_unknown_app"),
    ("poison", "dead_poison"),
)


def queue_metrics(
    view: BoardView, totals: Mapping[str, int], settled_rate: float | None
) -> Iterator[Metric]:
    """Depth, age, backend, and what became of jobs."""
    queue = view.queue
    sources = [(str(one["name"]), one) for one in queue.sources]
    yield gauges(
        "sockq_queue_jobs",
        "Jobs in the queue; the same from every fleet on it.",
        ("queue", "state"),
        [((name, state), one[key]) for name, one in sources for state, key in _DEPTHS],
    )
    yield gauges(
        "sockq_queue_oldest_job_age_seconds",
        "Age of the oldest job that waits; 0 when none does.",
        ("queue",),
        [((name,), _oldest(one)) for name, one in sources],
    )
    yield from gauge(
        "sockq_queue_time_to_clear_seconds",
        "How long all waiting jobs take at the rate of the last minute.",
        _time_to_clear(queue.ready, settled_rate),
    )
    yield from gauge(
        "sockq_queue_sample_age_seconds", "Age of the numbers above.", queue.sampled_seconds
    )
    yield from gauge(
        "sockq_queue_paused",
        "Whether this fleet was told to claim nothing.",
        view.state is FleetState.PAUSED,
    )
    up = queue.backend_down_seconds is None and queue.backend_up_seconds is not None
    backend = str(view.facts.get("driver", ""))
    yield gauges(
        "sockq_backend_up", "Whether the backend answers.", ("backend",), [((backend,), up)]
    )
    yield counter(
        "sockq_backend_outages_total",
        "Outages of the backend, as each worker saw them.",
        totals["backend_errors"],
    )
    yield counter("sockq_queue_evicted_total", "Jobs thrown away by a full queue.", queue.evicted)
    yield counter(
        "sockq_dead_letters_trimmed_total",
        "Dead letters removed by this fleet because they were too many or too old.",
        queue.trimmed,
    )
    yield counter("sockq_jobs_fetched_total", "Jobs claimed.", totals["claimed"])
    yield counters(
        "sockq_jobs_total",
        "What became of jobs in the end; each counts once.",
        ("outcome",),
        [((outcome,), totals[name]) for outcome, name in _OUTCOMES],
    )
    yield counters(
        "sockq_jobs_returned_total",
        "Jobs that went back to the queue.",
        ("reason",),
        [
            (("retry",), totals["retried"]),
            (("released",), totals["released"]),
            (("lease_lost",), totals["lease_lost"]),
            (("reclaimed",), queue.reclaimed),
            (("expired",), queue.swept),
        ],
    )
    held = sum((one.gauges or {}).get("in_flight", 0) for one in view.workers)
    yield from gauge("sockq_jobs_in_flight", "Jobs that this fleet holds.", held)
    yield from gauge(
        "sockq_pending_reclaims",
        "Ended workers whose jobs were not given back yet.",
        view.pending_reclaims,
    )
    yield histograms(
        "sockq_queue_wait_seconds",
        "From time_ms of a job to its first attempt.",
        (),
        {(): view.histograms["queue_wait"]},
    )
    yield histograms(
        "sockq_end_to_end_seconds",
        "From time_ms of a job to a 2xx.",
        (),
        {(): view.histograms["end_to_end"]},
    )


def _oldest(source: Mapping[str, object]) -> float | None:
    age = source["oldest_seconds"]
    if isinstance(age, int | float):
        return age
    return 0.0 if source["ready"] == 0 else None


def _time_to_clear(ready: int | None, rate: float | None) -> float | None:
    if ready is None:
        return None
    if not ready:
        return 0.0
    return ready / rate if rate else None
