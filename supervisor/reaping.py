"""Takes in the processes that ended: what they held comes back, whatever goes wrong beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockq.drivers.job_mark import Marks
from sockq.supervisor import board_words as words
from sockq.supervisor.channels import Channels
from sockq.supervisor.crew import Crew
from sockq.supervisor.endings import Ending, Endings
from sockq.supervisor.faults import Faults
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member, Role
from sockq.supervisor.owners import Known
from sockq.supervisor.patrol import Patrol
from sockq.supervisor.process import Ended, Process, reap
from sockq.supervisor.reclaims import Reclaims

#: The successor of a process whose end could not be judged starts after this long.
_FAULT_SECONDS: Final = 1.0


class Reaping:
    """Of all children.

    Args:
        crew: Whose they are.
        fleet: Counts those that are nobody's.
        endings: Judges each end.
        channels: Are closed.
        patrol: Forgets them.
        reclaims: Learns whose jobs have to go back.
        faults: Where a fault of the parent's own is told.
    """

    def __init__(
        self,
        crew: Crew,
        fleet: FleetBoard,
        endings: Endings,
        channels: Channels,
        patrol: Patrol,
        reclaims: Reclaims,
        faults: Faults,
    ) -> None:
        self._crew = crew
        self._fleet = fleet
        self._endings = endings
        self._channels = channels
        self._patrol = patrol
        self._reclaims = reclaims
        self._faults = faults

    def take_in(self, now: float, judged: Callable[[Member, Ending, float], None]) -> None:
        """Reap all that ended.

        Args:
            now: Monotonic seconds.
            judged: Called for each end that could be judged, with its slot free already.
        """
        for ended in reap():
            member = self._crew.by_pid(ended.pid)
            if member is None or member.process is None:
                self._fleet.add(words.FOREIGN_ENDED)
                continue
            process, what = member.process, f"end of {member.name}"
            if not self._faults.guard(what, self._ended, member, process, ended, now, judged):
                self._faults.guard(f"{what}, in short", self._free, member, process, now)

    def _ended(
        self,
        member: Member,
        process: Process,
        ended: Ended,
        now: float,
        judged: Callable[[Member, Ending, float], None],
    ) -> None:
        self._channels.hear(member, process)
        ending = self._endings.judge(member, ended, now)
        self._channels.release(process)
        self._patrol.forget(process.pid)
        self._give_back(member, process, ending.blamed)
        member.slot.exited(now, now + ending.delay_seconds)
        judged(member, ending, now)

    def _free(self, member: Member, process: Process, now: float) -> None:
        """Only what must not be left out: the jobs go back unblamed, the slot is free."""
        self._give_back(member, process, frozenset())
        member.process = None
        if member.running:
            member.slot.exited(now, now + _FAULT_SECONDS)
        if process.channel.fileno() >= 0:
            self._channels.release(process)
        self._patrol.forget(process.pid)

    def _give_back(self, member: Member, process: Process, blamed: Marks) -> None:
        if member.role is Role.WORKER:
            self._reclaims.add(Known(process.pid, 0, process.owner), blamed)
        elif member.role is Role.JANITOR:
            self._reclaims.janitor_lost()
