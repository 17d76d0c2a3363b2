"""A fleet that is watched from outside, from its start to the end of its last process."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.chaos import proc
from support.chaos.invariants import find_survivors
from support.chaos.observer import Observer, Seen
from support.fleet import SERVING, Fleet
from support.until import until


class WatchedFleet(Fleet):
    """A ``Fleet`` whose parent has an observer and whose processes are all remembered.

    Attributes:
        seen: What the observers saw of all parents that have ended.
        outlive_seconds: C: how long a process may outlive the parent.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        scratch: Path,
        *,
        workers: int,
        env: Mapping[str, str],
        args: Sequence[str],
        outlive_seconds: float,
    ) -> None:
        super().__init__(config, workers=workers, env=env, args=args)
        self.seen: list[Seen] = []
        self.outlive_seconds = outlive_seconds
        self._scratch = scratch
        self._observer: Observer | None = None
        self._births: dict[int, int] = {}

    def watch(self) -> None:
        """Begin to observe the fleet that runs."""
        record = self._scratch / f"seen-{self.pid}"
        self._observer = Observer(self.pid, self.run_dir, record)
        until(lambda: self.seen_now().samples, within=10.0)

    def seen_now(self) -> Seen:
        """What the observer of the fleet that runs saw so far."""
        assert self._observer is not None
        return self._observer.so_far()

    def unwatch(self) -> None:
        """Stop observing. Safe to call twice."""
        if self._observer is not None:
            self.seen.append(self._observer.stop())
            self._observer = None

    @property
    def running(self) -> bool:
        """Whether there is a parent."""
        return self.process is not None and self.process.poll() is None

    def children(self) -> dict[int, int]:
        """Every process of the fleet now: pid to birth (see ``proc.birth``)."""
        return {pid: proc.birth(pid) for pid in proc.children(self.pid)}

    def remember(self) -> None:
        """Remember all processes that there are: they must be gone after the parent's end."""
        self._births |= self.children()

    def serving(self) -> list[dict[str, Any]]:
        """Workers that serve now."""
        workers = self.status().get("workers", [])
        return [w for w in workers if w["pid"] and w["state"] in SERVING]

    def ended(self, within: float = 40.0) -> int:
        """Wait for the parent's end, then for that of all others (C); returns the exit code."""
        self.remember()
        try:
            code = self.wait(within)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running\n{self.log()}") from error
        self.all_gone(time.monotonic())
        self.unwatch()
        return code

    def all_gone(self, since: float) -> float:
        """C: wait for the end of all remembered processes; returns the seconds ``since``."""
        limit = self.outlive_seconds
        until(lambda: not self._left() or time.monotonic() - since >= limit, within=limit + 5.0)
        left, took = self._left(), time.monotonic() - since
        faults = find_survivors(left, took, limit)
        assert not faults, "\n".join([*faults, self.log()])
        return took

    def _left(self) -> dict[int, str]:
        return {
            pid: proc.name(pid) for pid, born in self._births.items() if proc.is_running(pid, born)
        }

    def destroy(self) -> None:
        """After a failed test: nothing of it stays, however it is."""
        self.unwatch()
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
            assert self.process is not None
            self.process.wait()
        for pid in self._left():
            os.kill(pid, signal.SIGKILL)
