"""``sockq run --status``, ``sockq demo --status``: the live screen in front, the fleet behind it.

The fleet is a process of its own, whose log goes to a file, because the terminal is taken. It ends
with the screen: ``q`` and Ctrl-C ask, then it drains, and the screen shows how. A screen that is
terminated drains it as well; one that is killed takes it along through the kernel (``tethered``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from sockq.supervisor.output import note
from sockq.supervisor.pidlock import LockError, prepare_directory, read_lock
from sockq.supervisor.screen_control import carry_out
from sockq.supervisor.screen_picture import Reading
from sockq.supervisor.screen_ui import Act, Ui
from sockq.supervisor.status_command import StatusOptions
from sockq.supervisor.status_document import read_status
from sockq.supervisor.status_screen import glyphs_for, run_screen
from sockq.supervisor.status_words import Condition
from sockq.supervisor.tethered import LOG_NAME, tethered
from sockq.workers import exits

_LAST_LINES: Final = 5


def run_with_screen(directory: Path) -> int:
    """Start a fleet with this command line and show it until it has stopped; say how it ended.

    Args:
        directory: Of the fleet.

    Returns:
        The fleet's exit code.
    """
    log_path = directory / LOG_NAME
    begun = log_path.stat().st_size if log_path.exists() else 0
    code, signalled = show_behind(directory, log_path)
    if code != exits.LOCKED:
        _say_end(code, log_path, begun)
    return exits.SIGNALLED + signalled if signalled is not None and code == exits.OK else code


def show_behind(directory: Path, log_path: Path) -> tuple[int, int | None]:
    """Run this command line without ``--status`` behind the live screen of ``directory``.

    Args:
        directory: Of the fleet that the command runs.
        log_path: Gets what it prints.

    Returns:
        The command's exit code, and the signal that ended the screen sooner, if one did.
    """
    try:
        prepare_directory(directory)
        info = read_lock(directory)
    except (LockError, OSError) as error:
        note(str(error))
        return exits.LOCKED, None
    if info is not None:
        note(f"another fleet (pid {info.pid}) runs in {directory}; look at it with: sockq status")
        return exits.LOCKED, None
    fleet = _start(directory, log_path)
    signalled = None
    try:
        signalled = _show(fleet, directory, log_path)
    finally:
        if fleet.poll() is None:
            fleet.send_signal(signal.SIGTERM)
        code = fleet.wait()
    return (code if code >= 0 else exits.SIGNALLED - code), signalled


def _start(directory: Path, log_path: Path) -> subprocess.Popen[bytes]:
    given = [one for one in sys.argv[1:] if one != "--status"]
    command = tethered(*given, "--dir", str(directory))
    fd = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - this program, with its own arguments
            command, stdin=subprocess.DEVNULL, stdout=fd, stderr=fd, start_new_session=True
        )
    finally:
        os.close(fd)


def _show(fleet: subprocess.Popen[bytes], directory: Path, log_path: Path) -> int | None:
    """The live screen until the fleet has ended; returns the signal that ended it sooner."""

    def perform(act: Act) -> str:
        if act.command != "stop":
            return carry_out(directory, act)
        fleet.send_signal(signal.SIGTERM)
        return "draining; this screen closes when all is done"

    ui = Ui(glyphs=glyphs_for(os.environ), may_act=True, owned=True, log_path=str(log_path))
    options = StatusOptions(directory)
    source = _OwnSource(fleet, directory)
    return run_screen(options, ui, perform, lambda: fleet.poll() is not None, source).signal


class _OwnSource:
    """The board of a fleet that was just started: before there is one, it starts."""

    def __init__(self, fleet: subprocess.Popen[bytes], directory: Path) -> None:
        self._fleet = fleet
        self._directory = directory

    def read(self) -> list[Reading]:
        document = read_status(self._directory)
        if document["state"] == Condition.DOWN and self._fleet.poll() is None:
            document = {**document, "state": Condition.STARTING, "problems": []}
        return [Reading(str(self._directory), document)]

    def close(self) -> None:
        pass


def _say_end(code: int, log_path: Path, begun: int) -> None:
    note(f"the fleet has stopped with {code}; its log is {log_path}")
    if code == exits.OK:
        return
    with log_path.open("rb") as log:
        log.seek(begun)
        lines = log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
    for line in lines:
        note(line.removeprefix("sockq: "))
