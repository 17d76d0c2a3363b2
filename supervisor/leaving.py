"""The end of a fleet: workers, then what they held is given back, then janitor, broker, HTTP."""

from __future__ import annotations

import math
from typing import Final

from sockq.supervisor.carry_out import carry_out
from sockq.supervisor.crew import Crew
from sockq.supervisor.reclaims import Reclaims
from sockq.supervisor.slot_states import SlotState
from sockq.workers.logs import Log

#: After the last worker has gone: for giving back, then for each helper's own end.
_GIVE_BACK_SECONDS: Final = 3.0
_HELPER_SECONDS: Final = 4.0


class Leaving:
    """Takes the steps of the end.

    Attributes:
        until: When ``act`` must be called again, monotonic seconds.
    """

    def __init__(self, crew: Crew, reclaims: Reclaims, log: Log) -> None:
        self.until = math.inf
        self._crew = crew
        self._reclaims = reclaims
        self._log = log

    def act(self, now: float) -> bool:
        """Go on; True when nothing runs any more."""
        if any(worker.running for worker in self._crew.workers):
            return False
        if math.isinf(self.until):
            self.until = now + _GIVE_BACK_SECONDS
        if len(self._reclaims) and self._crew.janitor.ever_ready and now < self.until:
            return False
        self.until = now  # reached
        for helper in reversed(self._crew.helpers):
            helper.slot.unwant(now)
            if helper.running:
                if helper.slot.state is not SlotState.DRAINING:
                    actions = helper.slot.stop(now, now + _HELPER_SECONDS)
                    carry_out(helper, actions, self._log)
                self.until = now + 1.0
                return False
        return True
