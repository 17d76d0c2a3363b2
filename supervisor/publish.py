"""After each pass of the loop: what the parent knows goes to the board."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sockq.supervisor import board_words as words
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.fleet_board import FleetBoard
from sockq.workers.board import NS

if TYPE_CHECKING:
    from sockq.supervisor.steps import Steps


def publish(steps: Steps, fleet: FleetBoard) -> None:
    """Bring the parent's words up to date."""
    for member in steps.crew:
        member.publish()
    ends, reloading = steps.pausing.until, steps.reloading
    fleet.set(words.TARGET, steps.target)
    fleet.set(words.SLOTS_USED, steps.slots_used)
    fleet.set(words.PENDING_RECLAIMS, len(steps.reclaims))
    fleet.set(words.RETRY_AT_NS, int(steps.brake.retry_at * NS))
    fleet.set(words.PAUSE_UNTIL_NS, 0 if math.isinf(ends) else int(ends * NS))
    fleet.set(words.RELOADS_OK, reloading.ok)
    fleet.set(words.RELOADS_FAILED, reloading.failed)
    fleet.set(words.RELOADING, reloading.active)
    if reloading.ended_ms:
        fleet.set(words.RELOAD_UNIX_MS, reloading.ended_ms)
        fleet.set(words.RELOAD_OK, reloading.last_ok)
    fleet.set_state(_state(steps))


def _state(steps: Steps) -> FleetState:
    if steps.shutdown.deadline is not None:
        return FleetState.DRAINING
    if steps.brake.on:
        return FleetState.CRASH_LOOP
    if not steps.booting.announced:
        return FleetState.STARTING
    return FleetState.PAUSED if steps.pausing.on else FleetState.RUNNING
