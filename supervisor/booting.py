"""The start of a fleet, and what makes it impossible.

Its order: HTTP, broker (memory only), janitor, workers.
"""

from __future__ import annotations

from typing import Final

from sockq.supervisor.crew import Crew
from sockq.supervisor.endings import REFUSALS, Ending
from sockq.supervisor.member import Member, Role
from sockq.supervisor.restart import Cause
from sockq.workers import exits

#: A helper that never was ready has this many tries.
_TRIES: Final = 5


class Booting:
    """How far the start is.

    Attributes:
        done: The helpers were ready: workers may start.
        announced: Some worker was ready.
        refused: A helper has said, in one line, why the fleet cannot start; more would hide it.
    """

    def __init__(self, crew: Crew) -> None:
        self.done = self.announced = self.refused = False
        self._crew = crew

    def act(self, now: float) -> bool:
        """Start the next helper when the one before is ready. True once: now the workers."""
        if self.done:
            return False
        for helper in self._crew.helpers:
            helper.slot.want(now)
            # Nobody waits for HTTP: without it the fleet works as well.
            if not helper.ever_ready and helper.role is not Role.HTTP:
                return False
        self.done = True
        return True

    def announces(self, member: Member) -> bool:
        """Whether this is the first worker that is ready; True once."""
        if self.announced or member.role is not Role.WORKER or not member.ever_ready:
            return False
        self.announced = True
        return True

    def impossible(self, member: Member, ending: Ending) -> int | None:
        """The code to stop the fleet with, because it cannot start after this end; or None."""
        if member.role is Role.WORKER:
            wrong = ending.cause is Cause.CONFIG and not self.announced
            return (ending.exit.code or exits.CONFIG) if wrong else None
        if member.ever_ready or member.role is Role.HTTP:
            return None
        if ending.cause in REFUSALS:
            self.refused = True
            return ending.exit.code or exits.CONFIG
        return exits.GAVE_UP if member.deaths >= _TRIES else None
