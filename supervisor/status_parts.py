"""Parts of the status document: processes. Pure."""

from __future__ import annotations

from typing import Any

from sockq.supervisor.board_view import BoardView, ProcessView
from sockq.supervisor.http_settings import join
from sockq.supervisor.problems import is_stale
from sockq.workers.deaths import Death


def worker_part(one: ProcessView, hang_seconds: float) -> dict[str, Any]:
    """A worker, by all that it and the parent say."""
    gauges = dict(one.gauges or {})
    state = one.state.name.lower()
    if is_stale(one, hang_seconds):
        state = "stale"
    return {
        **process_part(one),
        "state": state,
        "beat_seconds": rounded(one.beat_seconds) if one.pid else None,
        "backend_down_seconds": rounded(one.backend_down_seconds),
        **gauges,
        **dict(one.counters or {}),
        "cpu_seconds": rounded(one.cpu_seconds),
        **(one.sending.percentiles() if one.sending else {}),
        "sending_buckets": list(one.sending.buckets) if one.sending else [],
        "note": one.note or None,
    }


def process_part(one: ProcessView) -> dict[str, Any]:
    """What the parent says of any process."""
    ended = one.deaths > 0
    return {
        "name": one.name,
        "pid": one.pid,
        "state": one.state.name.lower(),
        "state_seconds": rounded(one.state_seconds),
        "generation": one.generation,
        "up_seconds": rounded(one.up_seconds),
        "restarts": one.restarts,
        "last_cause": one.last_cause.label if ended else None,
        "last_exit": str(one.last_exit) if ended else None,
        "last_end_seconds": rounded(one.last_end_seconds),
        "next_start_seconds": rounded(one.next_start_seconds),
    }


def death_part(one: Death) -> dict[str, Any]:
    """How a worker died that held jobs, and which of them was alone."""
    return {
        "at": one.at_ms / 1000,
        "worker": one.worker,
        "cause": one.cause,
        "exit": one.exit,
        "uptime_seconds": rounded(one.uptime_seconds),
        "cpu_seconds": rounded(one.cpu_seconds),
        "max_rss_mb": one.max_rss_mb,
        "held": one.held,
        "alone": one.alone.rpartition("\n")[2] or None,
        "stack": list(one.stack),
    }


def http_part(view: BoardView) -> dict[str, Any] | None:
    """Where the fleet answers HTTP: the address with the port that was really taken."""
    if view.http is None:
        return None
    host = view.facts.get("http_host")
    address = join(str(host), view.http_port) if view.http_port else None
    return {"address": address, "socket": view.facts.get("http_socket")}


def rounded(value: float | None) -> float | None:
    """To a thousandth."""
    return None if value is None else round(value, 3)
