"""Planned restarts: workers are replaced one at a time, behind one extra worker. Pure.

The extra worker (the surge) comes first, so the fleet is never short of a worker while an old one
drains. A new worker that fails stops it, and so does a step without an end; old workers not yet
reached stay. What becomes of an old process says nothing about the new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto


@dataclass(frozen=True, slots=True)
class Seen:
    """A slot as the reload sees it.

    Attributes:
        generation: Of its process.
        faulty: Generation of the last process whose end spoke against the code (crash, hung,
            configuration); 0: none did.
        ready_seconds: For how long it has been ready; None: it is not.
        stuck: Not even SIGKILL ended its process: it hangs in the kernel.
    """

    generation: int
    faulty: int
    ready_seconds: float | None
    stuck: bool = False


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
    #: As DONE, but given up; the slot is the one that ``Rolling.why`` speaks of.
    FAILED = auto()


class Why(StrEnum):
    """Why it was given up."""

    ENDED = "a new worker ended"
    LATE = "a new worker was not up in time"


class Rolling:
    """One run, over some of the slots or all.

    Attributes:
        surge: The slot of the extra worker, or None when the board has no room for one.
        why: Why it was given up; None: it was not.
        passed_over: Slots whose old process is stuck, so that no new one could take its place.
    """

    def __init__(
        self,
        slots: list[int],
        surge: int | None,
        seen: Mapping[int, Seen],
        *,
        soak_seconds: float,
        limit_seconds: float,
    ) -> None:
        """``limit_seconds``: a step that takes longer, from drain to soaked, is given up."""
        self.surge = surge
        self.why: Why | None = None
        self.passed_over: list[int] = []
        self._queue = list(slots)
        self._soak_seconds = soak_seconds
        self._limit_seconds = limit_seconds
        self._watched: int | None = None
        self._since = 0.0
        self._began = {slot: one.generation for slot, one in seen.items()}
        self._added = surge is None

    def step(self, seen: Mapping[int, Seen], now: float) -> tuple[Step, int]:
        """The next step and its slot (0 where there is none); ``now`` is monotonic seconds."""
        for slot, one in seen.items():
            if one.faulty > self._began[slot]:
                return self._give_up(Why.ENDED, slot)
        if not self._added:
            assert self.surge is not None
            self._added = True
            self._watch(self.surge, now)
            return Step.ADD, self.surge
        while True:
            if self._watched is not None and not self._through(self._watched, seen):
                if now - self._since > self._limit_seconds:
                    return self._give_up(Why.LATE, self._watched)
                return Step.WAIT, 0
            self._watched = None
            if not self._queue:
                return Step.DONE, 0
            slot = self._queue.pop(0)
            self._watch(slot, now)
            if not self.is_new(slot, seen[slot].generation):
                return Step.REPLACE, slot

    def is_new(self, slot: int, generation: int) -> bool:
        """Whether a process began after this run did."""
        return generation > self._began[slot]

    def excuse(self, lag_seconds: float) -> None:
        """The caller slept for this long: that time is nobody's fault."""
        self._since += lag_seconds

    def hasten(self) -> None:
        """Replace nobody more than the one whose turn it is."""
        self._queue.clear()

    def drop(self, slot: int) -> None:
        """The slot is no longer wanted."""
        if slot in self._queue:
            self._queue.remove(slot)
        if self._watched == slot:
            self._watched = None

    def _watch(self, slot: int, now: float) -> None:
        self._watched = slot
        self._since = now

    def _through(self, slot: int, seen: Mapping[int, Seen]) -> bool:
        one = seen[slot]
        if self.is_new(slot, one.generation):
            return one.ready_seconds is not None and one.ready_seconds >= self._soak_seconds
        if one.stuck:
            self.passed_over.append(slot)
        return one.stuck

    def _give_up(self, why: Why, slot: int) -> tuple[Step, int]:
        self.why = why
        return Step.FAILED, slot
