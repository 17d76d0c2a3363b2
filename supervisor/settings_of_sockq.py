"""sockq's own settings: ``[sockq]`` in the file, ``SOCKQ_*`` in the environment."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.http_settings import (
    DEFAULT_ADDRESS,
    complaint_about_address,
    complaint_about_compat,
)
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Choice, Flag, Formed, Kind, Seconds, Share, Text, Whole
from sockq.workers.journal import MOST_IN_FLIGHT

#: The board has room for one more, for a worker that leaves while its successor is there.
MOST_WORKERS: Final = 127


def _own(name: str, kind: Kind, what: str, **more: object) -> Setting:
    return Setting(f"sockq.{name}", kind, what, (f"SOCKQ_{name.upper()}",), **more)  # type: ignore[arg-type]


def _not_a_worker(mode: str) -> str | None:
    if mode.strip().lower() == "worker":
        return None
    return "sockq is the worker fleet and not a WebSocket server; run Sockudo for that"


OWN_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "MODE",
        Formed("worker", _not_a_worker),
        "What to be: worker, nothing else.",
        ("MODE",),
        default="worker",
        in_file=False,
    ),
    _own(
        "workers",
        Whole(1, MOST_WORKERS),
        "Worker processes.",
        default_text="the server's concurrency; memory: cores, at least 2",
    ),
    _own("in_flight", Whole(1, MOST_IN_FLIGHT), "Jobs one worker holds at once.", default=256),
    _own(
        "endpoint_in_flight",
        Whole(1, 65_536),
        "Requests one worker has open with one endpoint.",
        default=16,
    ),
    _own(
        "lease_seconds",
        Seconds(1),
        "How long a claim holds when nobody extends it.",
        default=30.0,
        follows="queue.reliability.lease_duration_ms",
        factor=0.001,
    ),
    _own("drain_seconds", Seconds(0, 3600), "How long a stop may take.", default=25.0),
    _own(
        "unknown_app_grace_seconds",
        Seconds(0, 3600),
        "How long a job of an unknown app waits for the app to appear.",
        default=5.0,
    ),
    _own(
        "log_success",
        Share(),
        "Share of the requests that succeed which get a line in the log; those that fail all do.",
        default=0.0,
    ),
    _own(
        "app_cache_seconds",
        Seconds(1),
        "How long an app of an app store is believed before it is read again.",
        default=60.0,
        follows="app_manager.cache.ttl",
    ),
    _own(
        "dead_limit",
        Whole(),
        "Dead letters kept; the oldest go first. 0: no limit.",
        default=10_000,
        follows="queue.reliability.failed_retention",
    ),
    _own(
        "dead_days",
        Whole(0, 36_500),
        "Days that a dead letter is kept. 0: no limit (SQS itself keeps nothing beyond 14).",
        default=7,
    ),
    _own(
        "dir",
        Text(),
        "The fleet's directory: lock, board, sockets.",
        default_text="$XDG_RUNTIME_DIR/sockq, else /run/sockq, else sockq-UID beside other"
        " temporary files",
    ),
    Setting(
        "sockq.http.address",
        Formed("HOST:PORT, PORT or off", complaint_about_address),
        "Where /metrics, /status.json, /healthz and /readyz are served.",
        ("SOCKQ_HTTP",),
        default=DEFAULT_ADDRESS,
        flag="--http",
    ),
    Setting(
        "sockq.http.enabled",
        Flag(),
        "Whether they are served.",
        ("SOCKQ_HTTP_ENABLED",),
        default=True,
    ),
    Setting(
        "sockq.http.metrics_compat",
        Formed("names of other exporters: bull,bullmq", complaint_about_compat),
        "Other exporters whose metrics are served as well: bull, bullmq, or both.",
        ("SOCKQ_METRICS_COMPAT",),
        default="",
        default_text="none",
        flag="--metrics-compat",
    ),
    _own(
        "memory_capacity",
        Whole(1),
        "Jobs the memory queue holds; the oldest go first.",
        default=100_000,
        follows="queue.reliability.memory_capacity",
    ),
    _own(
        "connect_timeout_seconds",
        Seconds(0.01, 600),
        "Bound of connecting to an endpoint: name look-up, TCP and TLS together.",
        default=5.0,
    ),
    _own(
        "redis_connect_timeout_seconds",
        Seconds(0.01, 600),
        "Bound of connecting to Redis.",
        default=3.0,
    ),
    _own(
        "idle_seconds",
        Seconds(0, 3600),
        "An unused connection to an endpoint is closed after this long.",
        default=30.0,
    ),
    _own(
        "hang_seconds", Seconds(1, 3600), "A worker silent for this long is replaced.", default=15.0
    ),
    _own(
        "stopped_seconds",
        Seconds(1, 86_400),
        "A process that somebody stopped (SIGSTOP, a debugger) is left alone for this long.",
        default=60.0,
    ),
    _own(
        "on_parent_death",
        Choice(("give-back", "kill")),
        "What workers do when their parent is killed: give back what they hold, within a second,"
        " or end at once, also one that somebody stopped.",
        default="give-back",
    ),
    _own(
        "give_up_seconds",
        Seconds(0, 604_800),
        "A crash loop that lasts this long ends the fleet with exit code 70. 0: never.",
        default=0.0,
    ),
    _own(
        "recycle_jobs",
        Whole(),
        "A worker that settled this many jobs is replaced by a fresh one. 0: never.",
        default=0,
    ),
    _own(
        "recycle_growth_mb",
        Whole(),
        "The same when its own memory grew by this much since it was ready. 0: never.",
        default=0,
    ),
    _own(
        "recycle_seconds",
        Seconds(0, 31_536_000),
        "The same when it is this old. 0: never.",
        default=0.0,
    ),
    _own(
        "heartbeat_seconds",
        Seconds(0, 3600),
        "How often a host tells the others of itself, through Redis. 0: never.",
        default=5.0,
    ),
    _own(
        "soak_seconds",
        Seconds(0, 3600),
        "A reload watches each new worker for this long before it goes on.",
        default=5.0,
    ),
    _own(
        "boot_seconds", Seconds(1, 3600), "A worker must be ready within this long.", default=60.0
    ),
)
