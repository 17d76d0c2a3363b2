"""A reload: the configuration is read again and, when it holds, the workers are replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sockq.supervisor.fleet import FleetSettings, Reread
from sockq.supervisor.steps import Steps
from sockq.workers.logs import Event, Log

NOT_NOW: Final = "not now: the fleet is starting, stopping or reloading already"
#: Which of a fleet's settings only a new fleet can have, and what they are called.
_FIXED: Final = {
    "driver": "the queue's settings",
    "directory": "sockq.dir",
    "http": "sockq.http",
    "drain_seconds": "sockq.drain_seconds",
    "boot_seconds": "sockq.boot_seconds",
    "hang_seconds": "sockq.hang_seconds",
    "stopped_seconds": "sockq.stopped_seconds",
    "kill_with_parent": "sockq.on_parent_death",
    "give_up_seconds": "sockq.give_up_seconds",
    "heartbeat_seconds": "sockq.heartbeat_seconds",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no reload: one line, and the configuration's faults."""

    why: str
    faults: tuple[str, ...] = ()


class ReadingAgain:
    """Begins reloads.

    Attributes:
        warnings: What works but may surprise, of the configuration that was taken last.
    """

    def __init__(self, settings: FleetSettings, steps: Steps, log: Log) -> None:
        self._settings = settings
        self._steps = steps
        self.warnings: tuple[str, ...] = ()
        self._log = log

    def begin(self, now: float) -> Refused | None:
        """Read, check, and begin to replace the workers; None: it has begun.

        Reading a local file takes the loop a moment. Whatever is wrong with the configuration is
        told, and nothing changes. Another number of workers counts once all are replaced: what is
        given up leaves the fleet as large as it was.
        """
        steps = self._steps
        if not steps.can_reload:
            return Refused(NOT_NOW)
        read = self._read()
        if read.settings is None:
            steps.reloading.refused()
            several = "a fault" if len(read.faults) == 1 else f"{len(read.faults)} faults"
            return Refused(f"the configuration has {several}; nothing was changed", read.faults)
        new, target = read.settings, steps.target

        def proved(now: float) -> int:
            before = self._settings.workers
            self._settings = replace(
                self._settings,
                worker=new.worker,
                workers=new.workers,
                recycle=new.recycle,
                soak_seconds=new.soak_seconds,
            )
            # An operator who scaled the fleet meanwhile was later than the file.
            if new.workers != before and steps.target == target:
                steps.scale(now, new.workers)
            return steps.target

        if not steps.reload(now, new, proved):
            return Refused(NOT_NOW)
        self.warnings = read.warnings
        for line in read.warnings:
            self._log.warning(Event.CONFIGURATION_WARNING, what=line)
        return None

    def _read(self) -> Reread:
        reread = self._settings.reread
        if reread is None:
            return Reread(self._settings)
        try:
            read = reread()
        except Exception as error:  # a fault of ours must not end the fleet
            return Reread(None, (f"it could not be read: {type(error).__name__}",))
        if read.settings is None:
            return read
        fixed = tuple(
            f"{what} changed; that takes a new start of the fleet"
            for name, what in _FIXED.items()
            if getattr(read.settings, name) != getattr(self._settings, name)
        )
        return Reread(None, fixed) if fixed else read
