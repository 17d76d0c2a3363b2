"""What is wrong with a fleet, worst first. Pure: a view of the board goes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sockq.supervisor.board_view import BoardView, ProcessView
from sockq.supervisor.egress import no_way_out
from sockq.supervisor.slot_states import SERVING, SlotState

#: A worker beats twice a second; the parent at least every second.
STALE_SECONDS: Final = 10.0
#: Jobs that wait longer than this are worth a word: receivers refuse events older than 300 s.
OLD_SECONDS: Final = 60.0
#: For this long after the last one it is said that there was poison, or that jobs were thrown away.
POISON_SECONDS: Final = 900.0
EVICTED_SECONDS: Final = 900.0
_SAMPLE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable word, and a line for a human."""

    kind: str
    text: str


def is_stale(one: ProcessView, hang_seconds: float) -> bool:
    """Whether a worker that should beat has not for a while."""
    silent = one.beat_seconds is not None and one.beat_seconds > min(STALE_SECONDS, hang_seconds)
    return (silent and one.state in SERVING) or one.state is SlotState.SUSPECT


def find_problems(view: BoardView) -> list[Problem]:
    """All that is wrong, worst first."""
    found: list[Problem] = []
    beat = view.parent_beat_seconds
    if beat is not None and beat > STALE_SECONDS / 2:
        found.append(Problem("parent-silent", f"the parent has not turned for {beat:.0f}s"))
    if view.crash_retry_seconds is not None:
        last = max(view.workers, key=lambda one: one.crashes, default=None)
        why = f": {last.last_end}" if last is not None and last.last_end else ""
        text = f"workers keep ending{why}; next try in {view.crash_retry_seconds:.0f}s"
        found.append(Problem("crash-loop", text))
    queue = view.queue
    if queue.backend_down_seconds is not None:
        text = f"the backend has not answered for {queue.backend_down_seconds:.0f}s"
        found.append(Problem("backend-down", text))
    elif queue.sampled_seconds is not None and queue.sampled_seconds > _SAMPLE_SECONDS:
        text = f"the queue was looked at {queue.sampled_seconds:.0f}s ago"
        found.append(Problem("queue-unseen", text))
    if queue.oldest_seconds is not None and queue.oldest_seconds > OLD_SECONDS:
        text = f"the oldest job has waited for {queue.oldest_seconds:.0f}s"
        found.append(Problem("stale-queue", text))
    stuck = no_way_out(view.endpoints, view.taken_unix)
    if stuck is not None:
        found.append(Problem("egress", stuck))
    if queue.evicted_seconds is not None and queue.evicted_seconds < EVICTED_SECONDS:
        many = "1 job" if queue.evicted == 1 else f"{queue.evicted} jobs"
        text = f"the full queue has thrown {many} away; see sockq.memory_capacity"
        found.append(Problem("evictions", text))
    if view.poison and (view.poison_seconds or 0.0) < POISON_SECONDS:
        many = "1 job" if view.poison == 1 else f"{view.poison} jobs"
        text = f"{many} killed their workers and are dead letters now; see their reasons"
        found.append(Problem("poison", text))
    for one in view.workers:
        found += _of_worker(one, view.hang_seconds)
    return found


def _of_worker(one: ProcessView, hang_seconds: float) -> list[Problem]:
    if is_stale(one, hang_seconds):
        return [
            Problem("stale-worker", f"{one.name} has not moved for {one.beat_seconds or 0:.0f}s")
        ]
    if one.state is SlotState.STOPPED:
        since = one.state_seconds or 0.0
        text = f"{one.name} was stopped by somebody {since:.0f}s ago; kill -CONT {one.pid}"
        return [Problem("stopped-worker", text)]
    if one.state is SlotState.KILLING:
        return [Problem("killing", f"{one.name} was killed and is not gone yet")]
    if one.state in (SlotState.BACKOFF, SlotState.HELD) and one.wanted:
        wait = one.next_start_seconds or 0.0
        return [Problem("worker-down", f"{one.last_end or one.name}; starts in {wait:.1f}s")]
    if one.backend_down_seconds is not None:
        text = f"{one.name} lost the backend {one.backend_down_seconds:.0f}s ago"
        return [Problem("worker-backend", text)]
    return []
