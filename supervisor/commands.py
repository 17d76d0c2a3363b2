"""What can be asked through the control socket: one request, one answer, nothing that waits.

A request is ``{"cmd": "scale", "workers": 4, "by": "who"}``; an answer ``{"ok": true, "did": "…"}``
or ``{"ok": false, "error": "…"}``, each text one line.
"""

from __future__ import annotations

import math
import re
import signal
import time
from collections.abc import Callable
from typing import Final, TypeGuard

from sockq.supervisor.disabling import Disabling
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member
from sockq.supervisor.reading_again import NOT_NOW, ReadingAgain
from sockq.supervisor.stacks import ask_main_thread
from sockq.supervisor.steps import Steps
from sockq.workers.logs import Event, Log

Request = dict[str, object]
Answer = dict[str, object]

MOST_PAUSE_SECONDS: Final = 30 * 86_400.0
_BY_CHARACTERS: Final = 80
_LINE_CHARACTERS: Final = 160
_ENDPOINT_ID: Final = re.compile(r".{1,40}/[0-9a-f]{8}")
#: These change nothing and come often: they are not logged.
_QUIET: Final = frozenset({"ping", "status"})


class Commands:
    """Answers requests."""

    def __init__(
        self,
        steps: Steps,
        fleet: FleetBoard,
        reading: ReadingAgain,
        disabling: Disabling,
        log: Log,
    ) -> None:
        self._steps = steps
        self._disabling = disabling
        self._fleet = fleet
        self._reading = reading
        self._log = log
        self._commands: dict[object, Callable[[Request], Answer]] = {
            "ping": lambda _: {"ok": True, "pid": fleet.pid},
            "status": lambda _: self._status(),
            "pause": self._pause,
            "resume": lambda _: self._resume(),
            "scale": self._scale,
            "restart": self._restart,
            "drain": self._drain,
            "reload": lambda _: self._reload(),
            "retry": lambda _: self._retry(),
            "disable": self._disable,
            "enable": self._enable,
            "stop": self._stop,
            "dump": lambda _: _did(f"asked {self.dump()} processes for their stacks; see the log"),
        }

    def answer(self, request: Request) -> Answer:
        """Do what a request asks, now; what takes time has only begun when this returns."""
        name = request.get("cmd")
        command = self._commands.get(name)
        if command is None:
            known = ", ".join(sorted(str(one) for one in self._commands))
            return _refuse(f"no such command; there are {known}")
        answer = command(request)
        if name not in _QUIET:
            self._log.info(
                Event.CONTROL_ASKED,
                command=name,
                by=_by(request) or None,
                did=answer.get("did"),
                refused=answer.get("error"),
            )
        return answer

    def dump(self) -> int:
        """Have every child write its stacks to stderr; returns how many there are."""
        running = [one for one in self._steps.crew if one.process is not None]
        for member in running:
            assert member.process is not None
            ask_main_thread(member.process.pid, signal.SIGUSR2)
        return len(running)

    # --------------------------------------------------------------------------------------------

    def _pause(self, request: Request) -> Answer:
        seconds = request.get("seconds")
        if self._stopping:
            return _refuse("the fleet is stopping")
        if seconds is None:
            self._steps.pausing.begin()
            return _did("paused: nothing more is claimed until it is resumed")
        if not _is_number(seconds) or not 0 < seconds <= MOST_PAUSE_SECONDS:
            return _refuse("a pause lasts more than 0 seconds and at most 30 days")
        self._steps.pausing.begin(time.monotonic() + seconds)
        return _did(f"paused for {seconds:g} s: nothing more is claimed meanwhile")

    def _resume(self) -> Answer:
        if not self._steps.pausing.on:
            return _did("was not paused")
        self._steps.pausing.end()
        return _did("resumed")

    def _scale(self, request: Request) -> Answer:
        steps, wanted = self._steps, request.get("workers")
        most = len(steps.crew.workers) - 1
        if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= most:
            return _refuse(f"a fleet has 1 to {most} workers")
        before = steps.target
        if not steps.scale(time.monotonic(), wanted):
            return _refuse("the fleet is stopping")
        return _did(f"{wanted} workers wanted, {before} before")

    def _restart(self, request: Request) -> Answer:
        if "worker" in request:
            return self._replace(request)
        if not self._steps.reload(time.monotonic()):
            return _refuse(NOT_NOW)
        return self._reloading(f"restarting {self._steps.target} workers, one at a time")

    def _drain(self, request: Request) -> Answer:
        if "worker" in request:
            return self._replace(request)
        return self._pause({})

    def _replace(self, request: Request) -> Answer:
        name = request["worker"]
        workers = self._steps.crew.workers
        worker: Member | None = next((one for one in workers if one.name == name), None)
        if worker is None or worker.process is None:
            return _refuse("there is no such worker now; names are as in the status: w00, w01, …")
        if self._stopping or not self._steps.replace(worker, time.monotonic()):
            return _refuse(f"{worker.name} is leaving already")
        return _did(f"{worker.name} finishes what it holds and leaves; a new one takes its place")

    def _reload(self) -> Answer:
        refused = self._reading.begin(time.monotonic())
        if refused is not None:
            return {**_refuse(refused.why), "faults": list(refused.faults)}
        begun = self._reloading(f"read it; replacing {self._steps.target} workers, one at a time")
        return {**begun, "warnings": list(self._reading.warnings)}

    def _reloading(self, did: str) -> Answer:
        reloading = self._steps.reloading
        number = reloading.ok + reloading.failed + 1
        return {**_did(did), "reload": number, "pid": self._fleet.pid}

    def _retry(self) -> Answer:
        waiting = self._steps.retry(time.monotonic())
        return _did(f"{waiting} processes start now" if waiting else "nothing waits for its start")

    def _disable(self, request: Request) -> Answer:
        id_, app, label = (_line(request.get(name)) for name in ("id", "app", "label"))
        if not _ENDPOINT_ID.fullmatch(id_) or not label:
            return _refuse("say which endpoint: id, app and label as in the status")
        try:
            new = self._disabling.disable(id_, app, label, _by(request))
        except (OSError, ValueError) as error:
            return _refuse(f"{_why(error)}; nothing was changed")
        if not new:
            return _did(f"was disabled already: {app} {label}")
        return _did(f"disabled {app} {label}: nothing is sent there until it is enabled")

    def _enable(self, request: Request) -> Answer:
        try:
            one = self._disabling.enable(_line(request.get("id")), _by(request))
        except OSError as error:
            return _refuse(f"{_why(error)}; nothing was changed")
        if one is None:
            return _did("was not disabled")
        return _did(f"enabled {one.app} {one.label}: what was held back is sent within a minute")

    def _stop(self, request: Request) -> Answer:
        at_once = request.get("at_once") is True
        self._steps.stop(time.monotonic(), at_once=at_once)
        deadline = self._steps.shutdown.deadline
        left = 0.0 if deadline is None else max(0.0, deadline - time.monotonic())
        return {**_did(f"stopping, within {left:.0f} s"), "seconds": round(left, 1)}

    @property
    def _stopping(self) -> bool:
        return self._steps.shutdown.deadline is not None

    def _status(self) -> Answer:
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
            "reload_failure": steps.reloading.failure or None,
            "workers": workers,
        }


def _by(request: Request) -> str:
    return _line(request.get("by"))[:_BY_CHARACTERS]


def _line(value: object) -> str:
    """A text as a line that may be shown; of anything else nothing."""
    text = value if isinstance(value, str) else ""
    return "".join(c if c.isprintable() else "?" for c in text[:_LINE_CHARACTERS])


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot write {error.filename}: {error.strerror}"
    return str(error)


def _did(what: str) -> Answer:
    return {"ok": True, "did": what}


def _refuse(why: str) -> Answer:
    return {"ok": False, "error": why}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
