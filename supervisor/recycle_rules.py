"""When a worker has done enough, or consumes nothing any more, and a fresh one is better. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a worker is replaced."""

    JOBS = "jobs"
    GROWTH = "growth"
    AGE = "age"
    #: It looks well, but its claims are not answered.
    STALE = "stale"
    #: It looks well, but one of its requests does not end.
    OVERDUE = "overdue"
    #: An operator wants it.
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class RecycleSettings:
    """Limits of one worker process; 0 is none.

    Attributes:
        jobs: Settled.
        growth_bytes: Private memory beyond what it had when it was ready. Not the whole size: a
            fork begins with all that its parent holds.
        age_seconds: Since its fork.
        jitter: Each process has its limits lower by up to this share, or all would go together.
        baseline_seconds: After ready; the memory of then counts as the beginning. Workers measure
            themselves every 5 s.
        least_seconds: Ready for less than this nobody is recycled: that would be a limit too low.
        again_seconds: A recycling that failed is tried again after this long.
        overdue_seconds: A request that is not ended this long after its deadline never is.
    """

    jobs: int = 0
    growth_bytes: int = 0
    age_seconds: float = 0.0
    jitter: float = 0.2
    baseline_seconds: float = 6.0
    least_seconds: float = 10.0
    again_seconds: float = 10.0
    overdue_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Use:
    """What a process has used up: jobs, private memory gained, seconds."""

    jobs: int
    growth_bytes: int
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process; infinite where there is none."""

    jobs: float
    growth_bytes: float
    age_seconds: float

    @classmethod
    def draw(cls, settings: RecycleSettings, chance: Callable[[], float]) -> Limits:
        """Take the settings, each less its own jitter; ``chance`` gives 0 to 1."""

        def one(limit: float) -> float:
            return limit * (1 - settings.jitter * chance()) if limit else math.inf

        return cls(one(settings.jobs), one(settings.growth_bytes), one(settings.age_seconds))

    def reached(self, use: Use) -> Why | None:
        """Which one is reached; None: none."""
        if use.jobs >= self.jobs:
            return Why.JOBS
        if use.growth_bytes >= self.growth_bytes:
            return Why.GROWTH
        return Why.AGE if use.age_seconds >= self.age_seconds else None


@dataclass(slots=True)
class Fetching:
    """Whether a worker's claims are answered.

    Attributes:
        excused_at: Last time that it had a reason to claim nothing, monotonic seconds.
    """

    excused_at: float

    def stale_seconds(self, now: float, answered_at: float, *, may_claim: bool) -> float:
        """For how long it could have claimed and was not answered.

        Args:
            now: Monotonic seconds.
            answered_at: When a claim was answered last.
            may_claim: It is ready, neither paused nor without the backend, has room for jobs, and
                none of its jobs has to run alone.
        """
        if not may_claim:
            self.excused_at = now
        return now - max(answered_at, self.excused_at)


@dataclass(slots=True)
class Sending:
    """Whether a worker ends its requests at their deadlines.

    Attributes:
        excused_at: Last time that it had a reason not to, monotonic seconds.
    """

    excused_at: float

    def overdue_seconds(self, now: float, deadline: float, *, may_wait: bool) -> float:
        """For how long it could have ended its oldest request and did not.

        Args:
            now: Monotonic seconds.
            deadline: Of that request, by the same clock; 0: nothing is on the wire.
            may_wait: It is silent, so that the deadline may be an old one, or a job runs alone,
                and until that has ended the requests of others are left as they are.
        """
        if may_wait:
            self.excused_at = now
        return now - max(deadline, self.excused_at) if deadline else 0.0
