"""One look at the board, as plain values. Reading costs the fleet nothing.

Times are seconds before ``taken_at`` (monotonic); None: never, not now, not known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sockq.supervisor import board_words as words
from sockq.supervisor.board_view import BoardView, ProcessView, QueueView
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.endpoint_view import merge
from sockq.supervisor.histograms import read_histograms
from sockq.supervisor.restart import Cause, Exit
from sockq.supervisor.slot_states import SERVING, SlotState
from sockq.workers import board as slot_words
from sockq.workers.board_memory import EVENTS, Board
from sockq.workers.endpoint_table import read_table
from sockq.workers.outcome_classes import CLASSES
from sockq.workers.seqlock import read_text

#: Deaths of workers that are shown.
_DEATHS: Final = 10

_SAYS: Final[Mapping[int, SlotState]] = {
    slot_words.WorkerState.READY: SlotState.READY,
    slot_words.WorkerState.DEGRADED: SlotState.DEGRADED,
    slot_words.WorkerState.PAUSED: SlotState.PAUSED,
    slot_words.WorkerState.DRAINING: SlotState.DRAINING,
}

#: Counters and gauges of a worker, by the name that the document gives them.
COUNTERS: Final[Mapping[str, int]] = {
    "claimed": slot_words.CLAIMED,
    "delivered": slot_words.DELIVERED,
    "failed": slot_words.FAILED,
    "retried": slot_words.RETRIED,
    "dead": slot_words.DEAD,
    "released": slot_words.RELEASED,
    "lease_lost": slot_words.LEASE_LOST,
    "attempts": slot_words.ATTEMPTS,
    "bytes_out": slot_words.BYTES_OUT,
    "settled": slot_words.SETTLED,
    "jobs_delivered": slot_words.JOBS_DELIVERED,
    "filtered": slot_words.FILTERED,
    "parked": slot_words.PARKED,
    "dead_invalid": slot_words.DEAD_INVALID,
    "dead_tampered": slot_words.DEAD_TAMPERED,
    "dead_unknown_app": slot_words.DEAD_UNKNOWN_APP,
    "dead_poison": slot_words.DEAD_POISON,
    "dead_undelivered": slot_words.DEAD_UNDELIVERED,
    "connections_opened": slot_words.CONNECTIONS_OPENED,
    "connections_reused": slot_words.CONNECTIONS_REUSED,
    "backend_errors": slot_words.BACKEND_ERRORS,
}
GAUGES: Final[Mapping[str, int]] = {
    "in_flight": slot_words.IN_FLIGHT,
    "waiting": slot_words.WAITING,
    "suspects": slot_words.SUSPECTS,
    "in_flight_limit": slot_words.IN_FLIGHT_LIMIT,
    "sending": slot_words.SENDING,
    "lanes_open": slot_words.LANES_OPEN,
    "lanes_paused": slot_words.LANES_PAUSED,
    "connections_open": slot_words.CONNECTIONS_OPEN,
    "rss_bytes": slot_words.RSS_BYTES,
    "private_bytes": slot_words.USS_BYTES,
    "open_files": slot_words.OPEN_FILES,
    "threads": slot_words.THREADS,
}


def take(board: Board) -> BoardView:
    """Read the whole board once."""
    now = time.monotonic_ns()
    header = board.header
    facts = _json(read_text(board.header_text), {})
    disabled = board.disabled.read()
    number = header[words.NEXT_EVENT]
    used = min(header[words.SLOTS_USED], board.slots)
    slots = [board.slot(index) for index in range(used)]
    helper = [header[at : at + 64] for at in (words.JANITOR_AT, words.BROKER_AT, words.HTTP_AT)]
    return BoardView(
        taken_at=now / slot_words.NS,
        taken_unix=time.time(),
        pid=header[words.PARENT_PID],
        state=_enum(FleetState, header[words.FLEET_STATE], FleetState.STARTING),
        state_seconds=_ago(now, header[words.FLEET_STATE_SINCE_NS]),
        up_seconds=_ago(now, header[words.STARTED_NS]),
        target=header[words.TARGET],
        parent_beat_seconds=_ago(now, header[words.PARENT_BEAT_NS]),
        hang_seconds=float(facts.get("hang_seconds", 15.0)),
        pending_reclaims=header[words.PENDING_RECLAIMS],
        log_dropped=header[words.LOG_DROPPED],
        drain_left_seconds=_ahead(now, header[words.DRAIN_DEADLINE_NS]),
        crash_retry_seconds=_ahead(now, header[words.RETRY_AT_NS]),
        pause_left_seconds=_ahead(now, header[words.PAUSE_UNTIL_NS]),
        started_unix=header[words.STARTED_UNIX_MS] / 1000,
        reloading=bool(header[words.RELOADING]),
        reloads=header[words.RELOADS_OK],
        reloads_failed=header[words.RELOADS_FAILED],
        reload_ok=bool(header[words.RELOAD_OK]),
        reload_unix=header[words.RELOAD_UNIX_MS] / 1000,
        facts=facts,
        queue=_queue(board, now),
        workers=[
            _worker(board, index, now)
            for index in range(used)
            if board.parent_words(index)[words.PROCESS_WANTED]
            or board.parent_words(index)[words.PROCESS_PID]
        ],
        janitor=_process("janitor", helper[0], now),
        broker=_process("broker", helper[1], now) if helper[1][words.PROCESS_WANTED] else None,
        http=_process("http", helper[2], now) if helper[2][words.PROCESS_WANTED] else None,
        http_port=header[words.HTTP_PORT] or None,
        events=[read_text(board.event(one)) for one in range(max(0, number - EVENTS), number)],
        histograms=read_histograms(slot.words for slot in slots),
        outcomes={
            name: sum(slot.words[slot_words.CLASSES_AT + at] for slot in slots)
            for at, name in enumerate(CLASSES)
        },
        restarts_by_cause={
            cause.label: sum(
                board.parent_words(index)[words.PROCESS_RESTARTS_BY_CAUSE + cause]
                for index in range(used)
            )
            for cause in Cause
        },
        endpoints=merge((read_table(slot.endpoints) for slot in slots), disabled),
        disabled=disabled,
        deaths=board.deaths.last(_DEATHS),
        poison=sum(slot.words[slot_words.DEAD_POISON] for slot in slots),
        poison_seconds=_ago(
            now, max((slot.words[slot_words.POISON_NS] for slot in slots), default=0)
        ),
    )


def totals(board: Board) -> dict[str, int]:
    """The counters of all workers that there ever were; they never go back."""
    used = min(board.header[words.SLOTS_USED], board.slots)
    slots = [board.slot(index).words for index in range(used)]
    return {name: sum(slot[word] for slot in slots) for name, word in COUNTERS.items()}


def _worker(board: Board, index: int, now: int) -> ProcessView:
    slot = board.slot(index)
    own = slot.words
    view = _process(
        f"w{index:02d}",
        board.parent_words(index),
        now,
        beat_seconds=_ago(now, own[slot_words.BEAT_NS]),
        backend_down_seconds=_ago(now, own[slot_words.BACKEND_DOWN_SINCE_NS]),
        counters={name: own[word] for name, word in COUNTERS.items()},
        gauges={name: own[word] for name, word in GAUGES.items()},
        note=slot.text,
        last_end=read_text(board.parent_text(index)),
        cpu_seconds=own[slot_words.CPU_NS] / slot_words.NS,
        sending=read_histograms([own])["sending"],
    )
    # The worker knows first whether it is degraded or paused; the parent only looks now and then.
    says = _SAYS.get(own[slot_words.STATE])
    if view.state not in SERVING or says is None or says is view.state:
        return view
    since = _ago(now, own[slot_words.STATE_SINCE_NS])
    return replace(view, state=says, state_seconds=since)


def _process(name: str, own: memoryview, now: int, **more: Any) -> ProcessView:
    pid = own[words.PROCESS_PID] or None
    return ProcessView(
        name=name,
        pid=pid,
        state=_enum(SlotState, own[words.PROCESS_STATE], SlotState.EMPTY),
        state_seconds=_ago(now, own[words.PROCESS_STATE_SINCE_NS]),
        wanted=bool(own[words.PROCESS_WANTED]),
        generation=own[words.PROCESS_GENERATION],
        up_seconds=_ago(now, own[words.PROCESS_STARTED_NS]) if pid else None,
        restarts=own[words.PROCESS_RESTARTS],
        deaths=own[words.PROCESS_DEATHS],
        crashes=own[words.PROCESS_CRASHES],
        last_cause=_enum(Cause, own[words.PROCESS_LAST_CAUSE], Cause.NONE),
        last_exit=Exit.from_word(own[words.PROCESS_LAST_EXIT]),
        last_end_seconds=_ago(now, own[words.PROCESS_LAST_END_NS]),
        next_start_seconds=_ahead(now, own[words.PROCESS_NEXT_START_NS]),
        **more,
    )


def _queue(board: Board, now: int) -> QueueView:
    queue = board.queue
    # One block, whole or not at all: of counts that are read one by one, each may be of another
    # look, and a queue that was just claimed would seem to be empty.
    sources = _json(read_text(board.queue_text), [])
    return QueueView(
        ready=_sum(sources, "ready"),
        leased=_sum(sources, "leased"),
        delayed=_sum(sources, "delayed"),
        dead=_sum(sources, "dead"),
        oldest_seconds=max(_known(sources, "oldest_seconds"), default=None),
        evicted=queue[words.QUEUE_EVICTED],
        evicted_seconds=_ago(now, queue[words.QUEUE_EVICTED_NS]),
        trimmed=queue[words.QUEUE_TRIMMED],
        reclaimed=queue[words.QUEUE_RECLAIMED],
        swept=queue[words.QUEUE_SWEPT],
        sampled_seconds=_ago(now, queue[words.QUEUE_SAMPLED_NS]),
        backend_up_seconds=_ago(now, queue[words.BACKEND_UP_SINCE_NS]),
        backend_down_seconds=_ago(now, queue[words.BACKEND_DOWN_SINCE_NS]),
        sources=sources,
    )


def _ago(now: int, then: int) -> float | None:
    return max(0.0, (now - then) / slot_words.NS) if then else None


def _ahead(now: int, then: int) -> float | None:
    return max(0.0, (then - now) / slot_words.NS) if then else None


def _sum(sources: list[dict[str, Any]], name: str) -> int | None:
    counts = _known(sources, name)
    return sum(counts) if counts else None


def _known(sources: list[dict[str, Any]], name: str) -> list[Any]:
    return [source[name] for source in sources if source[name] is not None]


def _enum(kind: Any, value: int, otherwise: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        return otherwise


def _json(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return otherwise
