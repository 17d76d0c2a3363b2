"""The one word for how a fleet is: on screens, in lines and in the status document."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Condition(StrEnum):
    """How a fleet is, judged from outside.

    A fleet with a problem is degraded, whatever it says of itself; several that differ are, too.
    """

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    DEGRADED = "DEGRADED"
    DRAINING = "DRAINING"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"


#: No fleet is there to be looked at.
ABSENT: Final = frozenset({Condition.DOWN, Condition.UNKNOWN})
