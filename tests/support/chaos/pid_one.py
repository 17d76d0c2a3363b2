"""A fleet that is process 1 of a PID namespace of its own, as in a container without an init."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from support.chaos import proc
from support.chaos.watched import WatchedFleet
from support.until import until

#: A user without rights may have one as root of a user namespace of his own.
UNSHARE: Final = ("unshare", *(() if os.geteuid() == 0 else ("-r",)), "-pf", "--mount-proc")


def why_not() -> str:
    """Why there can be none here; empty: there can be one."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False, timeout=10)
    except FileNotFoundError:
        return "a PID namespace takes unshare (util-linux)"
    return f"no PID namespace: {done.stderr.decode().strip()}" if done.returncode else ""


class PidOneFleet(WatchedFleet):
    """Its processes are known here by the pids outside; ``status`` is asked inside."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{**more, "wrap": UNSHARE})

    @property
    def pid(self) -> int:
        """The parent's, outside."""
        assert self.process is not None
        outer = self.process.pid
        return next(iter(proc.children(outer)), outer)

    def status(self) -> dict[str, Any]:
        """As from a shell in the container."""
        assert self.process is not None
        if not proc.children(self.process.pid):
            return {}
        told = self.inside(*self.command("status", "--json"))
        return dict(json.loads(told)) if told else {}

    def inside(self, *command: str) -> str:
        """Run a command in the namespace; returns what it prints."""
        line = ["nsenter", "-t", str(self.pid), *_entered(), "-p", "-m", *command]
        done = subprocess.run(line, capture_output=True, check=False, timeout=20)
        return done.stdout.decode()

    def orphan(self, seconds: float, code: int) -> None:
        """Leave the parent a child that it did not make: it ends with ``code`` after a while."""
        self.inside("sh", "-c", f"(sleep {seconds}; exit {code}) >/dev/null 2>&1 &")

    def named(self, prefix: str) -> list[int]:
        """Its children of such a name, by their pids outside."""
        return [pid for pid in proc.children(self.pid) if proc.name(pid).startswith(prefix)]

    def strangers(self) -> list[int]:
        """Its children that are no process of a fleet."""
        return [pid for pid in proc.children(self.pid) if not proc.name(pid).startswith("sockq:")]

    def zombies(self) -> list[int]:
        """Its children that have ended and that it has not reaped."""
        return [pid for pid in proc.children(self.pid) if proc.state(pid) == "Z"]

    def until_workers(self, count: int, gone: Sequence[int] = ()) -> None:
        """Wait for so many workers, ``gone`` not among them."""

        def there() -> bool:
            now = self.named("sockq:w")
            return len(now) == count and not set(now) & set(gone)

        until(there, within=10.0, explain=self.log)


def _entered() -> tuple[str, ...]:
    return () if os.geteuid() == 0 else ("-U", "--preserve-credentials")
