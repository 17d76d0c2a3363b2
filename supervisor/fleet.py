"""What the parent needs to run a fleet, as plain values, and what it hands to its children."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sockq.drivers.settings import DriverSettings, MemorySettings, SqsSettings
from sockq.supervisor.http_settings import HttpSettings
from sockq.supervisor.recycle_rules import RecycleSettings
from sockq.supervisor.restart import RestartSettings
from sockq.supervisor.slot_states import SlotLimits
from sockq.workers.board_memory import Board
from sockq.workers.settings import WorkerSettings

if TYPE_CHECKING:
    from sockq.workers.process import WorkerContext

#: A claim of an empty queue waits this long (``claimer.WAIT_SECONDS``); its answer may take this.
_POLL_SECONDS = 5.0
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class JanitorContext:
    """What the janitor is given: its driver, the board, and its end of the channel.

    Attributes:
        directory: The fleet's.
        heartbeat_seconds: How often to tell other hosts of this one; 0: never.
    """

    driver: DriverSettings
    board: Board
    channel: socket.socket
    directory: Path = Path()
    heartbeat_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BrokerContext:
    """What the memory broker is given: its settings, and its end of the channel."""

    settings: MemorySettings
    channel: socket.socket


@dataclass(frozen=True, slots=True)
class HttpContext:
    """What the HTTP child is given: its settings, the fleet's directory, board and channel."""

    settings: HttpSettings
    directory: Path
    board: Board
    channel: socket.socket


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of reading the configuration again: settings, or the faults, one line each.

    Attributes:
        settings: None: there are faults.
        faults: What is wrong.
        warnings: What works but may surprise.
    """

    settings: FleetSettings | None
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _run_worker(context: WorkerContext) -> int:
    from sockq.workers.process import run_worker  # noqa: PLC0415 - preloaded before the fork

    return run_worker(context)


def _run_janitor(context: JanitorContext) -> int:
    from sockq.supervisor.janitor import run_janitor  # noqa: PLC0415

    return run_janitor(context)


def _run_broker(context: BrokerContext) -> int:
    from sockq.supervisor.broker_process import run_broker  # noqa: PLC0415

    return run_broker(context)


def _run_http(context: HttpContext) -> int:
    from sockq.supervisor.http_child import run_http  # noqa: PLC0415

    return run_http(context)


def _preload(settings: FleetSettings) -> None:
    from sockq.supervisor.preload import preload  # noqa: PLC0415 - heavy on purpose

    preload(settings)


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """One fleet.

    Attributes:
        directory: Its own: lock, board, control socket, names of owners.
        workers: How many, 1 to the board's number of slots less one.
        driver: Of the queue.
        worker: For every worker.
        drain_seconds: From a stop to SIGKILL.
        boot_seconds: From a fork to ready.
        hang_seconds: From one beat to the next.
        stopped_seconds: A process that somebody stopped is left alone for this long.
        kill_with_parent: The kernel kills every process when the parent dies (Linux); else they
            have a second to give back what they hold.
        recycle: When a worker is replaced by a fresh one.
        restart: The brakes on restarts.
        give_up_seconds: A crash loop that lasts this long ends the fleet with 70; None: never.
        heartbeat_seconds: How often the other hosts are told of this one; 0: never.
        soak_seconds: A reload watches each new worker for this long before it goes on.
        stale_polls: A worker none of whose claims was answered for the time of this many, although
            it has room and the backend, is replaced.
        version: Shown by the status.
        http: Where ``/metrics`` and the probes are served; None: nowhere.
        facts: More that the status shows: ``{"queue": "webhooks"}``. No secrets.
        reread: Reads the configuration again for a reload; None: there is nothing to read.
        worker_main: Body of a worker; returns its exit code.
        janitor_main: Body of the janitor.
        broker_main: Body of the memory broker.
        http_main: Body of the HTTP child.
        preload: Imports what the bodies need, once, before the first fork.
    """

    directory: Path
    workers: int
    driver: DriverSettings
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    drain_seconds: float = 25.0
    boot_seconds: float = 60.0
    hang_seconds: float = 15.0
    stopped_seconds: float = 60.0
    kill_with_parent: bool = False
    recycle: RecycleSettings = field(default_factory=RecycleSettings)
    restart: RestartSettings = field(default_factory=RestartSettings)
    give_up_seconds: float | None = None
    heartbeat_seconds: float = 5.0
    soak_seconds: float = 5.0
    http: HttpSettings | None = None
    stale_polls: float = 3.0
    version: str = ""
    facts: dict[str, object] = field(default_factory=dict)
    reread: Callable[[], Reread] | None = field(default=None, compare=False)
    worker_main: Callable[[WorkerContext], int] = _run_worker
    janitor_main: Callable[[JanitorContext], int] = _run_janitor
    broker_main: Callable[[BrokerContext], int] = _run_broker
    http_main: Callable[[HttpContext], int] = _run_http
    preload: Callable[[FleetSettings], None] = _preload

    @property
    def limits(self) -> SlotLimits:
        """The timers of a slot."""
        return SlotLimits(
            boot_seconds=self.boot_seconds,
            hang_seconds=self.hang_seconds,
            stopped_seconds=self.stopped_seconds,
        )

    @property
    def stale_fetch_seconds(self) -> float:
        """How long a worker that could claim may go without an answer."""
        waits = self.driver.wait_time_seconds if isinstance(self.driver, SqsSettings) else 0.0
        return self.stale_polls * (max(_POLL_SECONDS, waits) + _ANSWER_SECONDS)

    @property
    def for_workers(self) -> WorkerSettings:
        """The workers' settings. Of the drain they keep half a second for giving back themselves.

        One that needs longer is killed at its end, and the janitor gives back for it.
        """
        own = min(self.drain_seconds, self.worker.drain_seconds)
        return replace(self.worker, drain_seconds=own)
