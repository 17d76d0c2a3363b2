"""A real fleet for a test: ``sockq run`` in its own process group, its status, its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import TracebackType
from typing import Any, Self

from support.fleet_log import events_in
from support.until import until

from sockq.supervisor.status_document import read_status

Json = dict[str, Any]

#: States of a worker that does its work.
SERVING = {"ready", "degraded", "paused"}


class Fleet:
    """``sockq run --mode worker`` with a configuration given as a value.

    Attributes:
        directory: The fleet's directory (short, for Unix sockets).
        log_path: Where everything that it prints goes.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        *,
        workers: int = 2,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        program: Path | None = None,
    ) -> None:
        """``program``: what is run in the place of ``sockq``, with its arguments."""
        self.directory = Path(tempfile.mkdtemp(prefix="sqf"))
        self.config_path = self.directory / "config.json"
        self.config_path.write_text(json.dumps(config))
        self.log_path = self.directory / "fleet.log"
        self._workers = workers
        self._env = {**os.environ, "SOCKQ_HTTP": "off", **(env or {})}
        self._args = list(args)
        self._program = ["-m", "sockq.supervisor"] if program is None else [str(program)]
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, verb: str, *args: str) -> list[str]:
        """A ``sockq`` command line about this fleet."""
        return [sys.executable, *self._program, verb, "--dir", str(self.run_dir), *args]

    @property
    def run_dir(self) -> Path:
        """What ``--dir`` is given."""
        return self.directory / "run"

    def start(self, *, ready_within: float = 20.0) -> Self:
        """Start it and wait until every worker is ready."""
        self.launch()
        until(self._all_ready, within=ready_within, explain=self.log)
        return self

    def launch(self) -> None:
        """Start it without waiting."""
        args = ["--mode", "worker", "--config", str(self.config_path)]
        args += ["--workers", str(self._workers), *self._args]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("run", *args),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The parent's pid."""
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """Everything that it printed so far."""
        return self.log_path.read_text(errors="replace")

    def events(self, name: str) -> list[Json]:
        """The log's events of this name."""
        return events_in(self.log(), name)

    def ctl(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run ``sockq ctl`` to its end."""
        return ctl(self.run_dir, *args)

    def status(self) -> Json:
        """The document of ``sockq status --json``, read in this process to be quick."""
        return read_status(self.run_dir)

    def worker_pids(self) -> list[int]:
        """Pids of the workers that are there now."""
        return [w["pid"] for w in self.status().get("workers", []) if w["pid"]]

    def queue(self) -> Json:
        """The queue counts of the status."""
        queue = self.status()["queue"]
        return queue if isinstance(queue, dict) else {}

    def _all_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the fleet ended:\n{self.log()}"
        workers = self.status().get("workers", [])
        up = [w for w in workers if w["pid"] and w["state"] in SERVING]
        return len(up) >= self._workers

    def signal(self, number: Signals) -> None:
        """Signal the parent alone."""
        os.kill(self.pid, number)

    def signal_group(self, number: Signals) -> None:
        """Signal every process of the fleet, as a terminal does."""
        os.killpg(self.pid, number)

    def wait(self, within: float = 40.0) -> int:
        """Wait for its end; return the exit code."""
        assert self.process is not None
        return self.process.wait(timeout=within)

    def stop(self, within: float = 40.0) -> int:
        """TERM and wait; return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(SIGTERM)
        return self.wait(within)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        if error is not None:
            print(self.log())  # noqa: T201 - the fleet's side of a failed test
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, SIGKILL)
            self.process.wait()
            raise


def ctl(directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run ``sockq ctl`` to its end, whether a fleet runs in the directory or not."""
    command = [sys.executable, "-m", "sockq.supervisor", "ctl", *args, "--dir", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
