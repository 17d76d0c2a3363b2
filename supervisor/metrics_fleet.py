"""Metrics of the fleet as a whole, and of its parent. Pure: a view of the board goes in."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.metrics_families import counter, counters, gauge, gauges
from sockq.supervisor.probes import health, readiness


def fleet_metrics(view: BoardView) -> Iterator[Metric]:
    """Build, state, probes, configuration, the parent's own health."""
    facts = view.facts
    build = (str(facts.get("version", "")), platform.python_version(), _backend(view))
    yield gauges("sockq_build_info", "What runs.", ("version", "python", "backend"), [(build, 1)])
    yield from gauge("sockq_start_time_seconds", "Unix time of the start.", view.started_unix)
    yield gauges(
        "sockq_fleet_state",
        "What the fleet does: 1 for its state, 0 for the others.",
        ("state",),
        [((_name(state),), state is view.state) for state in FleetState],
    )
    yield from gauge("sockq_ready", "Whether /readyz says yes.", not readiness(view))
    yield from gauge("sockq_healthy", "Whether /healthz says yes.", not health(view))
    yield from gauge(
        "sockq_config_last_reload_success",
        "Whether the configuration held when it was last read.",
        view.reload_ok,
    )
    yield from gauge(
        "sockq_config_last_reload_timestamp_seconds",
        "When the configuration was last read, unix time.",
        view.reload_unix,
    )
    yield from gauge(
        "sockq_parent_heartbeat_age_seconds",
        "Seconds since the parent's loop last turned.",
        view.parent_beat_seconds,
    )
    yield counter("sockq_log_lines_dropped_total", "Log lines that nobody took.", view.log_dropped)
    helpers = [one for one in (view.http, view.broker, view.janitor) if one is not None]
    yield counters(
        "sockq_helper_restarts_total",
        "Restarts of the fleet's other processes.",
        ("helper",),
        [((one.name,), one.restarts) for one in helpers],
    )


def _backend(view: BoardView) -> str:
    return str(view.facts.get("driver", ""))


def _name(state: FleetState) -> str:
    return state.name.lower().replace("_", "-")
