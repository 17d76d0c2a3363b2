"""A connection on its way, and those who wait for it. Values only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sockq.workers.request import Request

if TYPE_CHECKING:
    from sockq.workers.route import Route


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An exchange that died with its reused connection before any answer: it gets a second try."""

    request: Request
    started: float
    deadline: float


class Opening:
    """A connection on its way.

    Attributes:
        route: Whose it is.
        started: Monotonic seconds; time that stood still is left out.
        deadline: When those who wait for it are told that it failed.
        waited: The requests that have waited for it from the start.
        second_try: The exchange it is opened for, if it is for one only.
        overdue: The deadline has passed; what comes now is late.
        stood_still: The process did meanwhile, so a failure says nothing.
    """

    __slots__ = (
        "deadline", "overdue", "route", "second_try", "started", "stood_still", "waited",
    )  # fmt: skip

    def __init__(
        self,
        route: Route,
        started: float,
        deadline: float,
        waited: tuple[Request, ...],
        second_try: Interrupted | None,
    ) -> None:
        self.route = route
        self.started = started
        self.deadline = deadline
        self.waited = waited
        self.second_try = second_try
        self.overdue = self.stood_still = False

    def give_time(self, seconds: float) -> None:
        """The process stood still for this long: nothing of that counts."""
        if seconds <= 0 or self.overdue:
            return
        self.stood_still = True
        self.started += seconds
        self.deadline += seconds
        if self.second_try is not None:
            self.second_try = replace(self.second_try, deadline=self.second_try.deadline + seconds)
