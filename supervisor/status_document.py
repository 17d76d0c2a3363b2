"""The state of a fleet as one document: what ``status --json`` prints, and the plain text.

Pure, but for ``read_status``: a view of the board goes in, values and text come out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sockq.supervisor.board_reader import CannotTellError, find_board
from sockq.supervisor.board_snapshot import take, totals
from sockq.supervisor.board_view import BoardView
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.endpoint_view import told
from sockq.supervisor.problems import Problem, find_problems
from sockq.supervisor.slot_states import SERVING
from sockq.supervisor.status_parts import death_part, http_part, process_part, rounded, worker_part
from sockq.supervisor.status_words import Condition
from sockq.workers.endpoint_state import EndpointState

#: Schema of the document.
SCHEMA: Final = 1
StatusDocument = dict[str, Any]

_WORD_OF: Final = {
    FleetState.STARTING: Condition.STARTING,
    FleetState.RUNNING: Condition.RUNNING,
    FleetState.PAUSED: Condition.PAUSED,
    FleetState.CRASH_LOOP: Condition.DEGRADED,
    FleetState.DRAINING: Condition.DRAINING,
    FleetState.STOPPED: Condition.DOWN,
}
_EXIT_CODES: Final[Mapping[str, int]] = {
    Condition.RUNNING: 0,
    Condition.DOWN: 2,
    Condition.UNKNOWN: 3,
}
_TOLD_DISABLED: Final = 5
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class _Word:
    word: Condition
    problems: list[Problem]


def read_status(directory: Path) -> StatusDocument:
    """Look at the fleet of ``directory`` now. Never raises: what cannot be told is ``UNKNOWN``."""
    try:
        found = find_board(directory)
    except CannotTellError as error:
        return absent_document(directory, Condition.UNKNOWN, str(error))
    if found is None:
        return absent_document(directory, Condition.DOWN, f"no fleet runs in {directory}")
    return make_document(take(found.board), totals(found.board), directory)


def exit_code(document: StatusDocument) -> int:
    """0 healthy, 1 degraded (or starting, paused, draining), 2 nothing runs, 3 cannot tell."""
    return _EXIT_CODES.get(str(document["state"]), 1)


def absent_document(directory: Path, state: Condition, why: str) -> StatusDocument:
    """The document when there is no board to look at."""
    kind = "down" if state is Condition.DOWN else "unknown"
    return {
        "schema": SCHEMA,
        "state": state,
        "directory": str(directory),
        "at": time.time(),
        "problems": [{"kind": kind, "text": why}],
        "workers": [],
        "queue": None,
    }


def make_document(view: BoardView, counted: dict[str, int], directory: Path) -> StatusDocument:
    """Everything that the board shows, in the words of the documentation."""
    judged = _judge(view)
    queue = view.queue
    disabled = {one.id: one for one in view.disabled}
    return {
        "schema": SCHEMA,
        "state": judged.word,
        "version": view.facts.get("version") or None,
        "host": view.facts.get("host"),
        "directory": str(directory),
        "driver": view.facts.get("driver"),
        "queue_name": view.facts.get("queue"),
        "facts": dict(view.facts),
        "http": http_part(view),
        "pause_left_seconds": rounded(view.pause_left_seconds),
        "reload": {
            "active": view.reloading,
            "ok": view.reloads,
            "failed": view.reloads_failed,
            "last_ok": view.reload_ok,
            "last_at": view.reload_unix or None,
        },
        "at": view.taken_unix,
        "pid": view.pid,
        "phase": view.state.name.lower().replace("_", "-"),
        "up_seconds": rounded(view.up_seconds),
        "parent_beat_seconds": rounded(view.parent_beat_seconds),
        "workers_wanted": view.target,
        "workers_serving": sum(one.state in SERVING for one in view.workers),
        "problems": [{"kind": one.kind, "text": one.text} for one in judged.problems],
        "queue": {
            "ready": queue.ready,
            "leased": queue.leased,
            "delayed": queue.delayed,
            "dead": queue.dead,
            "oldest_seconds": rounded(queue.oldest_seconds),
            "evicted": queue.evicted,
            "trimmed": queue.trimmed,
            "sampled_seconds": rounded(queue.sampled_seconds),
            "sources": queue.sources,
        },
        "backend": {
            "up": queue.backend_down_seconds is None and queue.backend_up_seconds is not None,
            "down_seconds": rounded(queue.backend_down_seconds),
        },
        "totals": {
            **counted,
            "reclaimed": queue.reclaimed,
            "expired": queue.swept,
            "restarts": sum(one.restarts for one in view.workers),
        },
        "outcomes": dict(view.outcomes),
        "latency": {name: one.told() for name, one in view.histograms.items()},
        "endpoints": [told(one, disabled.get(one.id)) for one in view.endpoints],
        "endpoints_disabled": len(disabled),
        "lanes_open": sum(one.state == EndpointState.OPEN for one in view.endpoints),
        "pending_reclaims": view.pending_reclaims,
        "drain_left_seconds": rounded(view.drain_left_seconds),
        "log_lines_dropped": view.log_dropped,
        "workers": [worker_part(one, view.hang_seconds) for one in view.workers],
        "helpers": [
            process_part(one) for one in (view.http, view.broker, view.janitor) if one is not None
        ],
        "deaths": [death_part(one) for one in view.deaths],
        "events": view.events[-50:],
    }


def render_plain(document: StatusDocument) -> str:
    """The document for a pipe: one line per subject, no escapes, ends with a newline."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(document["at"]))
    head = ["sockq", document.get("version"), "", document["state"], "", document.get("host"), ""]
    head += [document.get("driver"), ""]
    up = document.get("up_seconds")
    head += [f"up {duration(up)}" if up is not None else None, "", at]
    lines = [" ".join("" if part == "" else str(part) for part in head if part is not None)]
    lines += [f"problem  {one['kind']:<14} {one['text']}" for one in document["problems"]]
    queue = document["queue"]
    if queue is not None:
        lines.append(_queue_line(document, queue))
        lines.append(_totals_line(document["totals"]))
        lines.append(_workers_line(document))
        lines += _disabled_lines(document)
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """``4.2s``, ``58s``, ``2m05s``, ``2h11m``, ``3d04h``."""
    if seconds < 10:  # noqa: PLR2004 - tenths are worth showing below
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def _judge(view: BoardView) -> _Word:
    problems = find_problems(view)
    word = _WORD_OF[view.state]
    if word is Condition.RUNNING and problems:
        word = Condition.DEGRADED
    return _Word(word, problems)


def _queue_line(document: StatusDocument, queue: dict[str, Any]) -> str:
    oldest = queue["oldest_seconds"]
    parts = [
        f"queue    {document.get('queue_name') or '-'}",
        f"waiting {_count(queue['ready'])}",
        f"oldest {'-' if oldest is None else duration(oldest)}",
        f"active {_count(queue['leased'])}",
        f"delayed {_count(queue['delayed'])}",
        f"dead {_count(queue['dead'])}",
    ]
    if queue["evicted"]:
        parts.append(f"evicted {queue['evicted']}")
    if queue["trimmed"]:
        parts.append(f"trimmed {queue['trimmed']}")
    return "  ".join(parts)


def _totals_line(counted: dict[str, int]) -> str:
    names = ("delivered", "failed", "retried", "dead", "released", "reclaimed")
    return "total    " + "  ".join(f"{name} {counted[name]}" for name in names)


def _workers_line(document: StatusDocument) -> str:
    in_flight = sum(one.get("in_flight", 0) for one in document["workers"])
    return (
        f"workers  {document['workers_serving']}/{document['workers_wanted']} up"
        f"  in flight {in_flight}  restarts {document['totals']['restarts']}"
    )


def _disabled_lines(document: StatusDocument) -> Iterator[str]:
    """Those that the operator has disabled: nothing is wrong, and nobody must forget them."""
    found = [one for one in document["endpoints"] if one["state"] == EndpointState.DISABLED]
    for one in found[:_TOLD_DISABLED]:
        who = f" by {one['disabled_by']}" if one["disabled_by"] else ""
        ago = duration(max(0.0, document["at"] - one["disabled_at"]))
        yield f"disabled {one['app']} {one['label']}  {ago} ago{who}"
    if len(found) > _TOLD_DISABLED:
        yield f"disabled {len(found) - _TOLD_DISABLED} more endpoints"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)
