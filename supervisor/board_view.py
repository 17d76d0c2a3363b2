"""What one look at the board shows, as plain values. ``board_snapshot`` makes them.

Times are seconds before ``taken_at`` (monotonic); None: never, not now, not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sockq.supervisor.board_words import FleetState
from sockq.supervisor.histograms import Histogram
from sockq.supervisor.restart import Cause, Exit
from sockq.supervisor.slot_states import SlotState
from sockq.workers.deaths import Death
from sockq.workers.disabled import Disabled
from sockq.workers.endpoint_stats import EndpointRow


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A place of the fleet: what the parent says of it, for workers also what they say."""

    name: str
    pid: int | None
    state: SlotState
    state_seconds: float | None
    wanted: bool
    generation: int
    up_seconds: float | None
    restarts: int
    deaths: int
    crashes: int
    last_cause: Cause
    last_exit: Exit
    last_end_seconds: float | None
    next_start_seconds: float | None
    beat_seconds: float | None = None
    backend_down_seconds: float | None = None
    counters: Mapping[str, int] | None = None
    gauges: Mapping[str, int] | None = None
    note: str = ""
    last_end: str = ""
    cpu_seconds: float | None = None
    sending: Histogram | None = None


@dataclass(frozen=True, slots=True)
class QueueView:
    """The queue as the janitor saw it last."""

    ready: int | None
    leased: int | None
    delayed: int | None
    dead: int | None
    oldest_seconds: float | None
    evicted: int
    evicted_seconds: float | None
    trimmed: int
    reclaimed: int
    swept: int
    sampled_seconds: float | None
    backend_up_seconds: float | None
    backend_down_seconds: float | None
    sources: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class BoardView:
    """Everything on the board at one moment."""

    taken_at: float
    taken_unix: float
    pid: int
    state: FleetState
    state_seconds: float | None
    up_seconds: float | None
    target: int
    parent_beat_seconds: float | None
    hang_seconds: float
    pending_reclaims: int
    log_dropped: int
    drain_left_seconds: float | None
    crash_retry_seconds: float | None
    pause_left_seconds: float | None
    started_unix: float
    reloading: bool
    reloads: int
    reloads_failed: int
    reload_ok: bool
    reload_unix: float
    facts: Mapping[str, Any]
    queue: QueueView
    workers: list[ProcessView]
    janitor: ProcessView
    broker: ProcessView | None
    http: ProcessView | None
    http_port: int | None
    events: list[str]
    histograms: Mapping[str, Histogram]
    outcomes: Mapping[str, int]
    restarts_by_cause: Mapping[str, int]
    endpoints: list[EndpointRow]
    disabled: tuple[Disabled, ...]
    deaths: list[Death]
    poison: int
    poison_seconds: float | None
