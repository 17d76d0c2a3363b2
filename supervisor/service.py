"""The fleet as a service: what the manager is told of it, and when.

The watchdog is fed from the parent's loop itself, so a loop that stands still is noticed; and not
while a slot is overdue, because a loop that turns without doing its work is no better. An outage of
the backend is no reason: a restart would not bring it back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sockq.supervisor.board_words import FleetState
from sockq.supervisor.sd_notify import Notifier
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import SlotState

#: States that lead somewhere else by themselves, within their time.
_TRANSITIONAL: Final = frozenset(
    {
        SlotState.SPAWNING,
        SlotState.BOOTING,
        SlotState.SUSPECT,
        SlotState.STOPPED,
        SlotState.DRAINING,
        SlotState.KILLING,
    }
)
_OVERDUE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Facts:
    """The fleet as the manager may know it.

    Attributes:
        state: Of the fleet.
        announced: Some worker was ready.
        reloading: A reload is under way.
        serving: Workers that are ready.
        target: Workers wanted.
    """

    state: FleetState
    announced: bool
    reloading: bool
    serving: int
    target: int

    @property
    def text(self) -> str:
        """One line for ``systemctl status``."""
        what = "reloading" if self.reloading else self.state.name.lower().replace("_", " ")
        return f"{what}, {self.serving} of {self.target} workers ready"


class Service:
    """Tells the manager.

    Attributes:
        next_at: When it has to be told again, monotonic seconds.
    """

    def __init__(self, notifier: Notifier) -> None:
        self.next_at = math.inf
        self._notifier = notifier
        seconds = notifier.watchdog_seconds if notifier.on else None
        self._every = math.inf if seconds is None else seconds / 2
        if seconds is not None:
            self.next_at = -math.inf
        self._told: Facts | None = None

    def look(self, now: float, facts: Facts, slots: Iterable[Slot]) -> None:
        """Tell what has changed, and feed the watchdog when it is due."""
        if not self._notifier.on:
            return
        words = list(_changes(self._told, facts))
        self._told = facts
        if now >= self.next_at:
            self.next_at = now + self._every
            if not any(overdue(slot, now) for slot in slots):
                words.append("WATCHDOG=1")
        if words:
            self._notifier.say(*words)
        else:
            self._notifier.flush()


def _changes(before: Facts | None, now: Facts) -> Iterable[str]:
    stopping = now.state in (FleetState.DRAINING, FleetState.STOPPED)
    if stopping:
        if before is None or before.state not in (FleetState.DRAINING, FleetState.STOPPED):
            yield "STOPPING=1"
    elif now.reloading and not (before and before.reloading):
        yield "RELOADING=1"
        yield f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"
    elif (
        now.announced
        and (before is None or not before.announced or before.reloading)
        and not (now.reloading)
    ):
        yield "READY=1"
    if before is None or before.text != now.text:
        yield f"STATUS={now.text}"


def overdue(slot: Slot, now: float) -> bool:
    """Whether the slot should have left its state by now, and the parent did not see to it."""
    late = slot.deadline is not None and slot.deadline < now - _OVERDUE_SECONDS
    return late and slot.state in _TRANSITIONAL
