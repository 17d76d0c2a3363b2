"""What an operator wants by signal. ``commands`` has what can be asked through the socket."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from sockq.supervisor.commands import Commands
from sockq.supervisor.disabling import Disabling
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.reading_again import ReadingAgain
from sockq.supervisor.steps import Steps
from sockq.workers.logs import Event, Log


class Operator:
    """Maps signals and requests to steps.

    Attributes:
        answer: Answers one request of the control socket.
    """

    def __init__(
        self,
        settings: FleetSettings,
        steps: Steps,
        fleet: FleetBoard,
        disabling: Disabling,
        log: Log,
    ) -> None:
        self._steps = steps
        self._log = log
        self._reading = ReadingAgain(settings, steps, log)
        commands = Commands(steps, fleet, self._reading, disabling, log)
        self.answer = commands.answer
        self._signals: dict[int, Callable[[float], object]] = {
            signal.SIGTERM: steps.stop,
            signal.SIGINT: steps.stop,
            signal.SIGQUIT: lambda now: steps.stop(now, at_once=True),
            signal.SIGHUP: self._reload,
            signal.SIGTTIN: lambda now: steps.scale(now, steps.target + 1),
            signal.SIGTTOU: lambda now: steps.scale(now, steps.target - 1),
            signal.SIGTSTP: lambda _now: self._pause(),
            signal.SIGCONT: lambda _now: self._resume(),
            signal.SIGUSR2: lambda _now: commands.dump(),
        }

    def signalled(self, number: int) -> None:
        """A signal came (at least once)."""
        step = self._signals.get(number)
        if step is not None:
            step(time.monotonic())

    def _reload(self, now: float) -> None:
        refused = self._reading.begin(now)
        if refused is not None:
            self._log.warning(Event.RELOAD_FAILED, why=refused.why, faults=refused.faults or None)

    def _pause(self) -> None:
        if not self._steps.pausing.on:
            self._steps.pausing.begin(by_signal=True)

    def _resume(self) -> None:
        if self._steps.pausing.by_signal:
            self._steps.pausing.end()
