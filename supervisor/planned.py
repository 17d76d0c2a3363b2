"""What changes the crew without anybody having failed: reloads, recycling, stand-ins."""

from __future__ import annotations

from collections.abc import Callable

from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member
from sockq.supervisor.recycling import Recycling
from sockq.supervisor.reloading import Reloading
from sockq.supervisor.stand_ins import StandIns
from sockq.workers.logs import Log


class Planned:
    """All of it.

    Attributes:
        reloading: The token of all planned restarts, and the reload that has it.
        recycling: Who is due for a fresh process.
    """

    def __init__(
        self,
        settings: FleetSettings,
        crew: Crew,
        fleet: FleetBoard,
        log: Log,
        leave: Callable[[Member, float], None],
    ) -> None:
        """``leave`` drains a worker that is no longer wanted."""
        self.reloading = Reloading(settings, crew, log)
        stale = settings.stale_fetch_seconds
        self.recycling = Recycling(stale, crew, self.reloading, fleet, log)

        def dismiss(worker: Member, now: float) -> None:
            self.reloading.drop(worker.index)
            leave(worker, now)

        self._stand_ins = StandIns(crew, log, dismiss)

    def act(self, now: float, target: int) -> None:
        """Take the steps that can be taken now."""
        self.recycling.act(now, target)
        self.reloading.act(now, target)
        self._stand_ins.act(now, target, self.reloading.surge)

    def is_extra(self, worker: Member) -> bool:
        """Whether it is there besides those that are wanted, and not for long."""
        return worker.index == self.reloading.surge or worker.index in self._stand_ins
