"""Workers in place of those that not even SIGKILL ends: each in a slot of its own.

A process that hangs in the kernel keeps its slot until it is reaped, because a slot never has two.
Its work is done by a stand-in beyond the slots that are wanted, which drains when the slot serves
again.
"""

from __future__ import annotations

from collections.abc import Callable

from sockq.supervisor.crew import Crew
from sockq.supervisor.member import Member
from sockq.supervisor.slot_states import SlotState
from sockq.workers.logs import Event, Log


class StandIns:
    """Who stands in for whom, by slot."""

    def __init__(self, crew: Crew, log: Log, leave: Callable[[Member, float], None]) -> None:
        """``leave`` drains a member that is no longer wanted."""
        self._crew = crew
        self._log = log
        self._leave = leave
        self._for: dict[int, int] = {}

    def __contains__(self, index: object) -> bool:
        return index in self._for.values()

    def act(self, now: float, target: int, taken: int | None) -> None:
        """Call them and send them away. ``taken``: a slot that is needed for something else."""
        workers = self._crew.workers
        for index, extra in list(self._for.items()):
            slot = workers[index].slot
            served = workers[index].serving or not slot.wanted
            if extra < target:  # scaled up: it has a place of its own now
                del self._for[index]
            elif served:
                del self._for[index]
                self._leave(workers[extra], now)
        for worker in workers[:target]:
            if worker.slot.stuck and worker.slot.wanted and worker.index not in self._for:
                self._call(worker, now, target, taken)

    def _call(self, worker: Member, now: float, target: int, taken: int | None) -> None:
        for spare in self._crew.workers[target:]:
            free = spare.slot.state is SlotState.EMPTY and not spare.slot.wanted
            if free and spare.index != taken:
                self._for[worker.index] = spare.index
                spare.slot.want(now)
                self._log.warning(Event.STAND_IN, name=spare.name, instead_of=worker.name)
                return
