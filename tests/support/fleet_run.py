"""Runs ``stub_fleet.py`` as a process of its own and looks at it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.chaos import proc
from support.fleet_log import events_in
from support.until import until

from sockq.supervisor.status_document import read_status

_PROGRAM = Path(__file__).with_name("stub_fleet.py")


class FleetRun:
    """A fleet under test. ``process`` is its parent."""

    def __init__(self, directory: Path, stderr_fd: int | None = None, **options: Any) -> None:
        self.directory = directory
        self.number = len(list(directory.glob("stderr*")))
        self.stderr_path = directory / f"stderr{self.number}"
        with self.stderr_path.open("wb") as stderr:
            # -W error: a fork that Python warns of would fail the run
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", str(_PROGRAM), str(directory), json.dumps(options)],
                stderr=stderr if stderr_fd is None else stderr_fd,
                stdin=subprocess.DEVNULL,
            )

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        return events_in(self.stderr, name)

    def status(self) -> dict[str, Any]:
        return read_status(self.directory)

    def workers(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.status()["workers"]}

    def pid(self, name: str) -> int:
        """Its pid, as soon as it has one: never 0, which would signal the whole group."""

        def now() -> int:
            document = self.status()
            every = document["workers"] + document.get("helpers", [])
            return next((int(one["pid"] or 0) for one in every if one["name"] == name), 0)

        return until(now, 5.0, lambda: self.stderr)

    def ask(self, *lines: bytes) -> list[bytes]:
        """Send lines to the control socket; what was signalled before has been seen after."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5.0)
            client.connect(str(self.directory / "control.sock"))
            client.sendall(b"".join(line + b"\n" for line in lines))
            received = b""
            while received.count(b"\n") < len(lines):
                received += client.recv(4096)
        return received.splitlines()

    def serving(self, count: int) -> bool:
        states = [one["state"] for one in self.status()["workers"]]
        return states.count("ready") == count and len(states) == count

    def until_serving(self, count: int, within: float = 15.0) -> None:
        until(lambda: self.serving(count), within, lambda: self.stderr)

    def reclaimed(self) -> list[str]:
        path = self.directory / "reclaimed"
        return path.read_text().split() if path.exists() else []

    def behave(self, **behaviour: str) -> None:
        text = json.dumps({key.removeprefix("w"): value for key, value in behaviour.items()})
        fresh = self.directory / "behaviour.new"
        fresh.write_text(text)
        fresh.replace(self.directory / "behaviour")

    def children(self) -> list[int]:
        return proc.children(self.process.pid)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, within: float = 10.0) -> int:
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running\n{self.stderr}") from error

    def end(self) -> None:
        """After the test: nothing stays behind, however it ended."""
        pids = self.children() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in pids:
            if proc.is_running(pid):
                os.kill(pid, signal.SIGKILL)
