"""Metrics of the worker processes. Pure: a view of the board goes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric

from sockq.supervisor.board_view import BoardView, ProcessView
from sockq.supervisor.metrics_families import counters, gauge, gauges
from sockq.supervisor.problems import is_stale
from sockq.supervisor.slot_states import SlotState

_STATES: Final = (
    "starting", "idle", "busy", "degraded", "paused", "draining", "stale", "backoff",
)  # fmt: skip
_STARTING: Final = frozenset({SlotState.EMPTY, SlotState.SPAWNING, SlotState.BOOTING})
_WAITING: Final = frozenset({SlotState.BACKOFF, SlotState.HELD, SlotState.DEAD})
_GAUGES: Final = (
    ("resident_memory_bytes", "Resident set.", "rss_bytes"),
    ("private_memory_bytes", "Memory that only this process has.", "private_bytes"),
    ("open_fds", "Open descriptors.", "open_files"),
    ("threads", "Threads.", "threads"),
    ("connections", "Open connections to endpoints.", "connections_open"),
    ("suspects", "Jobs whose worker died: they run alone, or wait to.", "suspects"),
    ("lanes_open", "Lanes whose breaker is open.", "lanes_open"),
)


def worker_metrics(view: BoardView) -> Iterator[Metric]:
    """How many there are in each state, and each one's own."""
    workers = view.workers
    states = [_state(one, view.hang_seconds) for one in workers]
    yield gauges(
        "sockq_workers",
        "Worker processes by state.",
        ("state",),
        [((state,), states.count(state)) for state in _STATES],
    )
    yield from gauge("sockq_workers_target", "Workers wanted.", view.target)
    yield counters(
        "sockq_worker_restarts_total",
        "Workers started again, by how the one before had ended.",
        ("reason",),
        [((reason,), count) for reason, count in view.restarts_by_cause.items()],
    )
    name = ("worker",)
    yield gauges(
        "sockq_worker_slots",
        "Jobs that a worker holds, and could hold more.",
        ("worker", "state"),
        [row for one in workers for row in _slots(one)],
    )
    yield gauges(
        "sockq_worker_heartbeat_age_seconds",
        "Seconds since the worker's loop last turned.",
        name,
        [((one.name,), one.beat_seconds if one.pid else None) for one in workers],
    )
    yield gauges(
        "sockq_worker_crash_loop",
        "Whether a worker is held back because the fleet's workers keep ending.",
        name,
        [((one.name,), one.state is SlotState.HELD) for one in workers],
    )
    yield counters(
        "sockq_worker_cpu_seconds_total",
        "Processor time of a slot's processes.",
        name,
        [((one.name,), one.cpu_seconds) for one in workers],
    )
    for metric, what, gauge_name in _GAUGES:
        yield gauges(
            f"sockq_worker_{metric}",
            what,
            name,
            [((one.name,), _gauge(one, gauge_name)) for one in workers],
        )


def _slots(one: ProcessView) -> Iterator[tuple[tuple[str, str], float]]:
    held, limit = _gauge(one, "in_flight"), _gauge(one, "in_flight_limit")
    if held is not None and limit:
        yield (one.name, "busy"), held
        yield (one.name, "free"), max(0, limit - held)


def _gauge(one: ProcessView, name: str) -> int | None:
    return (one.gauges or {}).get(name) if one.pid else None


def _state(one: ProcessView, hang_seconds: float) -> str:
    if is_stale(one, hang_seconds) or one.state is SlotState.KILLING:
        return "stale"
    if one.state in _STARTING:
        return "starting"
    if one.state in _WAITING:
        return "backoff"
    if one.state is SlotState.READY:
        return "busy" if _gauge(one, "in_flight") else "idle"
    return one.state.name.lower()
