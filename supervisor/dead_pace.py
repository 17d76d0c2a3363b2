"""How fast dead letters are worked through: the size of a step and the pause after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Letters of one step when there is no rate: each step is one atomic step of the backend.
_STEP: Final = 250
#: With a rate there are this many steps a second, where that makes at least one letter a step.
_STEPS_A_SECOND: Final = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """At most this many letters a second; None: as fast as it goes."""

    rate: float | None = None

    @property
    def step(self) -> int:
        """Most letters of one step."""
        if self.rate is None:
            return _STEP
        return max(1, min(_STEP, int(self.rate / _STEPS_A_SECOND)))

    def pause_seconds(self, done: int, elapsed_seconds: float) -> float:
        """How long to wait before the next step.

        Args:
            done: Letters so far.
            elapsed_seconds: Since the first step began.
        """
        if self.rate is None:
            return 0.0
        return max(0.0, done / self.rate - elapsed_seconds)
