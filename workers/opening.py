"""A connection on its way, and who waits for it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
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
        started: Monotonic seconds.
        deadline: When those who wait for it are told that it failed.
        waited: The requests that have waited for it from the start.
        second_try: The exchange it is opened for, if it is for one only.
        overdue: The deadline has passed; what comes now is late.
    """

    __slots__ = ("deadline", "overdue", "route", "second_try", "started", "waited")

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
        self.overdue = False
