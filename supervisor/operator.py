"""What an operator wants: by signal, or through the control socket."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.steps import Steps
from sockq.workers.logs import Event, Log


class Operator:
    """Maps signals and requests to steps."""

    def __init__(self, settings: FleetSettings, steps: Steps, fleet: FleetBoard, log: Log) -> None:
        self._settings = settings
        self._steps = steps
        self._fleet = fleet
        self._log = log
        self._signals: dict[int, Callable[[float], object]] = {
            signal.SIGTERM: steps.stop,
            signal.SIGINT: steps.stop,
            signal.SIGQUIT: lambda now: steps.stop(now, at_once=True),
            signal.SIGHUP: self._reload,
            signal.SIGTTIN: lambda now: steps.scale(now, steps.target + 1),
            signal.SIGTTOU: lambda now: steps.scale(now, steps.target - 1),
            signal.SIGTSTP: lambda _now: self._pause(paused=True),
            signal.SIGCONT: lambda _now: self._pause(paused=False),
            signal.SIGUSR2: lambda _now: self._dump(),
        }
        self._commands: dict[object, Callable[[], dict[str, object]]] = {
            "ping": lambda: {"ok": True, "pid": fleet.pid},
            "status": self._status,
        }

    def signalled(self, number: int) -> None:
        """A signal came (at least once)."""
        step = self._signals.get(number)
        if step is not None:
            step(time.monotonic())

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """One request of the control socket: ``{"cmd": "ping"}``."""
        command = self._commands.get(request.get("cmd"))
        if command is None:
            return {"ok": False, "error": f"no such command; there are {', '.join(self._known)}"}
        return command()

    @property
    def _known(self) -> list[str]:
        return sorted(str(name) for name in self._commands)

    def _reload(self, now: float) -> None:
        if not self._steps.reload(now):
            self._log.warning(Event.RELOAD_FAILED, why="not now: starting, stopping or reloading")

    def _pause(self, *, paused: bool) -> None:
        if paused != self._steps.paused:
            self._steps.pause(paused=paused)

    def _dump(self) -> None:
        for member in self._steps.crew:
            if member.process is not None:
                member.process.signal(signal.SIGUSR2)

    def _status(self) -> dict[str, object]:
        """What the parent itself knows; ``sockq status`` reads the board."""
        steps = self._steps
        workers = [
            {
                "name": one.name,
                "pid": one.process.pid if one.process else None,
                "state": one.slot.state.name.lower(),
                "generation": one.generation,
                "deaths": one.deaths,
            }
            for one in steps.crew
            if one.slot.wanted or one.running
        ]
        return {
            "ok": True,
            "pid": self._fleet.pid,
            "state": self._fleet.state.name.lower().replace("_", "-"),
            "target": steps.target,
            "pending_reclaims": len(steps.reclaims),
            "workers": workers,
        }
