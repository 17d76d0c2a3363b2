"""One line per event, the same from every process of the fleet.

JSON lines to a file or a pipe, readable lines to a terminal. A line is one ``write`` of at most
``PIPE_BUF`` bytes, so lines of different processes never mix; when stderr cannot take it at once it
is dropped and counted, because a full pipe must not stop a fleet.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

#: POSIX promises 512, Linux has 4096; both hold what a human reads in one line.
LINE_BYTES: Final = min(4096, select.PIPE_BUF)
_VALUE_CHARACTERS: Final = 1000
_STDERR: Final = 2


class Event(StrEnum):
    """Every event of the fleet, by name."""

    FLEET_STARTING = "fleet-starting"
    FLEET_READY = "fleet-ready"
    FLEET_DRAINING = "fleet-draining"
    FLEET_STOPPED = "fleet-stopped"
    FLEET_PAUSED = "fleet-paused"
    FLEET_RESUMED = "fleet-resumed"
    FLEET_SCALED = "fleet-scaled"
    ENDPOINT_DISABLED = "endpoint-disabled"
    ENDPOINT_ENABLED = "endpoint-enabled"
    ENDPOINTS_LEFT_DISABLED = "endpoints-left-disabled"
    FLEET_RELOADING = "fleet-reloading"
    FLEET_RELOADED = "fleet-reloaded"
    RELOAD_FAILED = "reload-failed"
    CONFIGURATION_WARNING = "configuration-warning"
    PREDECESSOR_FOUND = "predecessor-found"
    PARENT_LATE = "parent-late"
    PARENT_FAULT = "parent-fault"
    PARENT_LOST = "parent-lost"
    PROCESS_READY = "process-ready"
    PROCESS_ENDED = "process-ended"
    PROCESS_CRASHED = "process-crashed"
    PROCESS_SILENT = "process-silent"
    PROCESS_KILLED = "process-killed"
    PROCESS_STUCK = "process-stuck"
    PROCESS_JUDGED = "process-judged"
    PROCESS_STOPPED = "process-stopped"
    PROCESS_CONTINUED = "process-continued"
    STAND_IN = "stand-in"
    WORKER_DUE = "worker-due"
    RECYCLING = "recycling"
    RECYCLING_FAILED = "recycling-failed"
    RECYCLE_TOO_SOON = "recycle-too-soon"
    FORK_FAILED = "fork-failed"
    CRASH_LOOP = "crash-loop"
    CRASH_LOOP_OVER = "crash-loop-over"
    START_REFUSED = "start-refused"
    RECLAIMED = "reclaimed"
    BACKEND_DOWN = "backend-down"
    BACKEND_UP = "backend-up"
    HEARTBEAT_REFUSED = "heartbeat-refused"
    CONTROL_ASKED = "control-asked"
    HTTP_NOT_SERVED = "http-not-served"
    ATTEMPT_FAILED = "attempt-failed"
    ATTEMPT_DELIVERED = "attempt-delivered"
    JOB_DEAD = "job-dead"
    JOBS_ALONE = "jobs-alone"
    DEAD_TRIMMED = "dead-trimmed"
    LEASE_LOST = "lease-lost"
    UNSETTLED = "unsettled"
    APP_STORE_DOWN = "app-store-down"
    APP_STORE_UP = "app-store-up"
    APP_WARNING = "app-warning"
    INTERNAL_ERROR = "internal-error"


class Log:
    """Writes events of one process.

    Attributes:
        process: ``parent``, ``w03``, ``janitor``, …
        dropped: Lines that stderr would not take.
        readable: Whether lines are for a human at a terminal.
    """

    __slots__ = ("_fd", "_poll", "dropped", "process", "readable")

    def __init__(self, process: str, fd: int = _STDERR, *, readable: bool | None = None) -> None:
        """Write to ``fd``; ``readable`` forces the human or the JSON form (None: is it a tty)."""
        self.process = process
        self.dropped = 0
        self._fd = fd
        self.readable = _is_terminal(fd) if readable is None else readable
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def info(self, event: Event, **fields: object) -> None:
        """Something happened as it should."""
        self.write("info", event, fields)

    def warning(self, event: Event, **fields: object) -> None:
        """Something happened that a human may want to know."""
        self.write("warning", event, fields)

    def error(self, event: Event, **fields: object) -> None:
        """Something happened that a human has to look at."""
        self.write("error", event, fields)

    def write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Write one line, or count it as dropped."""
        line = render(time.time(), level, self.process, event, fields, readable=self.readable)
        try:
            ready = self._poll.poll(0)
            if ready and ready[0][1] & select.POLLOUT and os.write(self._fd, line) == len(line):
                return
        except OSError:
            pass
        self.dropped += 1


def render(
    at: float,
    level: str,
    process: str,
    event: str,
    fields: Mapping[str, object],
    *,
    readable: bool,
) -> bytes:
    """One line with its newline, at most ``LINE_BYTES``; fields that are None are left out."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    stamp = f"{seconds}.{int(at * 1000) % 1000:03d}Z"
    shown = {key: _short(value) for key, value in fields.items() if value is not None}
    form = _human if readable else _json
    line = form(stamp, level, process, event, shown)
    while len(line) > LINE_BYTES and shown:
        del shown[max(shown, key=lambda key: len(str(shown[key])))]
        line = form(stamp, level, process, event, shown | {"cut": True})
    return line


def _json(stamp: str, level: str, process: str, event: str, fields: Mapping[str, object]) -> bytes:
    head = {"time": stamp, "level": level, "process": process, "event": event}
    return json.dumps(head | dict(fields), separators=(",", ":"), default=str).encode() + b"\n"


def _human(stamp: str, level: str, process: str, event: str, fields: Mapping[str, object]) -> bytes:
    mark = {"warning": "WARN ", "error": "ERROR"}.get(level, "     ")
    told = " ".join(f"{key}={_plain(value)}" for key, value in fields.items())
    line = f"{stamp[11:23]} {mark} {process:<8} {event:<18} {told}".rstrip()
    return line.encode("utf-8", "replace") + b"\n"


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{text}"' if " " in text else text


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > _VALUE_CHARACTERS:
        return value[:_VALUE_CHARACTERS] + "…"
    return round(value, 3) if isinstance(value, float) else value


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
