"""A fleet that is watched from outside, from its start to the end of its last process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from support.chaos import proc
from support.chaos.invariants import find_survivors
from support.chaos.observer import Observer, Seen
from support.fleet import SERVING, Fleet
from support.until import until

from sockq.drivers.settings import DriverSettings
from sockq.supervisor.board_reader import find_board
from sockq.supervisor.settings import load
from sockq.workers.journal import read_journal

_PASS_SECONDS: Final = 0.02
_BENT: Final = Path(__file__).with_name("bent_fleet.py")


class WatchedFleet(Fleet):
    """A ``Fleet`` whose parent has an observer, and whose every process must be gone at its end.

    Args:
        config: As of ``Fleet``.
        scratch: Where the observer writes.
        workers: As of ``Fleet``.
        env: As of ``Fleet``.
        args: As of ``Fleet``.
        outlive_seconds: C: how long a process may outlive the parent.
        bent: Run ``bent_fleet``, so that ``bend`` works.
        wrap: A command that runs it, the program and its arguments behind its own.
        program: As of ``Fleet``.

    Attributes:
        seen: What the observers saw of all parents that have ended.
        outlive_seconds: As given; it may be changed.
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
        bent: bool = False,
        wrap: Sequence[str] = (),
        program: Path | None = None,
    ) -> None:
        super().__init__(config, workers=workers, env=env, args=args, program=program)
        self._own_env = dict(env)
        self._wrap = list(wrap)
        self.seen: list[Seen] = []
        self.outlive_seconds = outlive_seconds
        self._scratch = scratch
        self._bent = bent
        self._observer: Observer | None = None

    def command(self, verb: str, *args: str) -> list[str]:
        line = super().command(verb, *args)
        if self._bent:
            line = [line[0], str(_BENT), *line[3:]]
        return [*self._wrap, *line] if verb == "run" else line

    def driver_settings(self) -> DriverSettings:
        """Of its configuration: for somebody who looks at the same queue."""
        found = load(self.config_path, {**self._own_env, "SOCKQ_DIR": str(self.run_dir)})
        assert found.fleet is not None, found.faults
        return found.fleet.driver

    def bend(self, **behaviour: str) -> None:
        """Have workers that start from now on misbehave (see ``bent_fleet``), ``every`` or ``w0``.

        Without an argument they behave.
        """
        told = {key.removeprefix("w").replace("every", "*"): do for key, do in behaviour.items()}
        fresh = self.directory / "bent.new"
        fresh.write_text(json.dumps(told))
        fresh.replace(self.directory / "bent")

    def watch(self) -> None:
        """Begin to observe the fleet that runs."""
        record = self._scratch / f"seen-{self.pid}"
        self._observer = Observer(self.pid, self.run_dir, record)
        until(lambda: self.seen_now().complete, within=15.0)

    def seen_now(self) -> Seen:
        """What the observer of the fleet that runs saw so far."""
        assert self._observer is not None
        return self._observer.so_far()

    def looked_at(self) -> None:
        """Wait for one more look of the observer: what it sees last is how things are now."""
        now = time.monotonic()
        if self._observer is not None:
            until(lambda: self.seen_now().samples[-1].at > now, within=10.0)

    def machine_seconds(self) -> float:
        """See ``Seen.machine_seconds``: so far."""
        return self.seen_now().machine_seconds

    def unwatch(self) -> None:
        """Stop observing. Safe to call twice."""
        observer, self._observer = self._observer, None
        if observer is not None:
            self.seen.append(observer.stop())

    @property
    def watched(self) -> bool:
        """Whether somebody observes it: nobody has waited for its end yet."""
        return self._observer is not None

    @property
    def running(self) -> bool:
        """Whether there is a parent."""
        return self.process is not None and self.process.poll() is None

    def serving(self) -> list[dict[str, Any]]:
        """Workers that serve now."""
        workers = self.status().get("workers", [])
        return [w for w in workers if w["pid"] and w["state"] in SERVING]

    def busy(self) -> list[dict[str, Any]]:
        """Workers with jobs on the wire, by their journals, which are never late; most first."""
        found = find_board(self.run_dir)
        if found is None:
            return []

        def sent(worker: dict[str, Any]) -> int:
            journal = found.board.slot(int(worker["name"][1:])).journal
            return sum(job.sent for job in read_journal(journal).jobs)

        on_the_wire = [(sent(one), one) for one in self.serving()]
        on_the_wire.sort(key=lambda pair: pair[0], reverse=True)
        return [one for count, one in on_the_wire if count]

    def ended(self, within: float = 40.0) -> int:
        """Wait for the parent's end, then for that of all others (C); returns the exit code."""
        try:
            code = self.wait(within)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running\n{self.log()}") from error
        self.all_gone(time.monotonic())
        self.unwatch()
        return code

    def all_gone(self, since: float, but: Sequence[int] = ()) -> float:
        """C: wait for the end of all its processes, less ``but``; returns the seconds ``since``."""
        limit = self.outlive_seconds
        assert self.process is not None
        leader = self.process.pid

        def left() -> dict[int, str]:
            return {pid: proc.name(pid) for pid in proc.session(leader) if pid not in but}

        until(lambda: not left() or time.monotonic() - since >= limit, within=limit + 5.0)
        took = time.monotonic() - since
        faults = find_survivors(left(), took, limit)
        assert not faults, "\n".join([*faults, self.log()])
        return took

    def destroy(self) -> None:
        """After a failed test: nothing of it stays, however it is."""
        if self.running:
            assert self.process is not None
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process is not None:
            for pid in proc.session(self.process.pid):
                proc.send(pid, signal.SIGKILL)
        self.unwatch()


class Least:
    """The fewest workers that ever served, as often as ``look`` is called.

    Attributes:
        serving: How many.
        picture: All workers at that moment.
        most_leaving: The most that ever drained at once.
    """

    def __init__(self, fleet: WatchedFleet) -> None:
        self.serving = len(fleet.serving())
        self.picture: list[tuple[str, int, str]] = []
        self.most_leaving = 0
        self._fleet = fleet

    def look(self) -> None:
        """Look now."""
        workers = self._fleet.status()["workers"]
        self.most_leaving = max(self.most_leaving, sum(w["state"] == "draining" for w in workers))
        if _serving(workers) < self.serving:
            # the parent may be in the middle of a pass, and show what it did only behind it
            time.sleep(_PASS_SECONDS)
            workers = self._fleet.status()["workers"]
        if _serving(workers) < self.serving:
            self.serving = _serving(workers)
            self.picture = [(w["name"], w["pid"], w["state"]) for w in workers]


def _serving(workers: Sequence[Mapping[str, Any]]) -> int:
    return sum(bool(one["pid"]) and one["state"] in SERVING for one in workers)
