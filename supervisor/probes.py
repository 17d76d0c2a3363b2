"""What the probes say: is the parent alive, and does the fleet work. Pure."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.slot_states import SERVING

#: The parent's loop turns at least every second.
SILENT_SECONDS: Final = 5.0

_STATES: Final = {
    FleetState.STARTING: "starting",
    FleetState.PAUSED: "paused",
    FleetState.CRASH_LOOP: "crash loop",
    FleetState.DRAINING: "draining",
    FleetState.STOPPED: "stopped",
}


def health(view: BoardView) -> list[str]:
    """Why the parent should be started anew; none: it need not.

    Workers, backend and endpoints are not its business: the parent cures what can be cured.
    """
    beat = view.parent_beat_seconds
    if beat is not None and beat > SILENT_SECONDS:
        return [f"parent silent for {beat:.0f} s"]
    return []


def readiness(view: BoardView) -> list[str]:
    """Why the fleet does not deliver now, worst first; none: it does."""
    reasons = health(view)
    if view.state in _STATES:
        reasons.append(_STATES[view.state])
    down = view.queue.backend_down_seconds
    if down is not None:
        reasons.append(f"backend down for {down:.0f} s")
    if not reasons and not any(one.state in SERVING for one in view.workers):
        reasons.append("no worker is up")
    return reasons
