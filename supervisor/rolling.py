"""Planned restarts: workers are replaced one at a time, behind one extra worker. Pure.

The extra worker (the surge) comes first, so the fleet is never short of a worker while an old one
drains. Whatever goes wrong with a worker stops it; old workers not yet reached stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Seen:
    """A slot as the reload sees it.

    Attributes:
        generation: Of its process.
        faults: Ends so far that speak against the code: crash, hung, configuration.
        ready_seconds: For how long it has been ready; None: it is not.
    """

    generation: int
    faults: int
    ready_seconds: float | None


class Step(Enum):
    """What the caller does next."""

    #: Nothing yet.
    WAIT = auto()
    #: Have a process in this slot.
    ADD = auto()
    #: Drain the process of this slot; its successor comes by itself.
    REPLACE = auto()
    #: Drain the surge; the reload is over.
    DONE = auto()
    #: As DONE, but a new worker failed.
    FAILED = auto()


class Rolling:
    """One run, over some of the slots or all.

    Attributes:
        surge: The slot of the extra worker, or None when the board has no room for one.
    """

    def __init__(
        self, slots: list[int], surge: int | None, soak_seconds: float, seen: Mapping[int, Seen]
    ) -> None:
        self.surge = surge
        self._queue = list(slots)
        self._soak_seconds = soak_seconds
        self._watched: int | None = None
        self._goal = 0
        self._faults = {slot: one.faults for slot, one in seen.items()}
        self._added = surge is None

    def step(self, seen: Mapping[int, Seen]) -> tuple[Step, int]:
        """The next step and its slot (0 where there is none)."""
        if any(one.faults > self._faults.get(slot, 0) for slot, one in seen.items()):
            return Step.FAILED, 0
        if not self._added:
            assert self.surge is not None
            self._added = True
            self._watch(self.surge, seen)
            return Step.ADD, self.surge
        if self._watched is not None:
            one = seen[self._watched]
            soaked = one.ready_seconds is not None and one.ready_seconds >= self._soak_seconds
            if one.generation < self._goal or not soaked:
                return Step.WAIT, 0
            self._watched = None
        if not self._queue:
            return Step.DONE, 0
        slot = self._queue.pop(0)
        self._watch(slot, seen)
        return Step.REPLACE, slot

    def hasten(self) -> None:
        """Replace nobody more than the one whose turn it is."""
        self._queue.clear()

    def drop(self, slot: int) -> None:
        """The slot is no longer wanted."""
        if slot in self._queue:
            self._queue.remove(slot)
        if self._watched == slot:
            self._watched = None

    def _watch(self, slot: int, seen: Mapping[int, Seen]) -> None:
        self._watched = slot
        self._goal = seen[slot].generation + 1
