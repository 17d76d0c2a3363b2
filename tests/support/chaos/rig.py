"""One scenario's world: backend, fleet, recording producer and receiver, observer, and the end.

Leaving the block settles the run, stops the fleet and asserts every invariant; see ``history`` and
``invariants``. A scenario only does its injection and says what it expects of it.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from support.chaos import history, invariants, proc
from support.chaos.backends import Backend
from support.chaos.history import History, Interruption
from support.chaos.inspection import Inspection
from support.chaos.invariants import Limits, Recovery
from support.chaos.ledger import Ledger
from support.chaos.producer import Producer
from support.chaos.receiver import RecordingReceiver
from support.chaos.records import Record
from support.chaos.watched import WatchedFleet
from support.chaos.writers import make_writer
from support.until import until

#: D: from a kill to all workers ready.
RECOVERY_SECONDS: Final = 2.0
#: C: how long a process may outlive the parent.
OUTLIVE_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 40.0
IN_FLIGHT: Final = 32


class Rig:
    """What a scenario works with.

    Args:
        backend: Running.
        number: Of the scenario.
        title: Of the scenario.
        workers: Wanted.
        endpoints: Names; each has an app of its own.
        exit_code: G: what the last fleet must end with.
        limits: E and F.
        recovery_seconds: D.
        outlive_seconds: C.
        settle_seconds: How long all jobs may take to come to their end.
        bent: The fleet can be told to misbehave (see ``bent_fleet``).
        args: More arguments for ``sockq run``.
        wrap: A command that runs it: ``setpriv …``.
        program: What is run in the place of ``sockq``.
        fleet_class: How it is run.
        env: More variables for it.
        own: ``[sockq]`` settings.

    Attributes:
        fleet: The one that runs now.
        receiver: Records, and misbehaves on request.
        producer: Records what was accepted.
        ledger: Knows where each job is.
        interruptions: What died while it may have held jobs.
        recoveries: From each kill to all workers ready.
    """

    def __init__(
        self,
        backend: Backend,
        number: int,
        title: str,
        *,
        workers: int = 2,
        endpoints: Sequence[str] = ("steady",),
        exit_code: int = 0,
        limits: Limits | None = None,
        recovery_seconds: float = RECOVERY_SECONDS,
        outlive_seconds: float = OUTLIVE_SECONDS,
        bent: bool = False,
        settle_seconds: float = SETTLE_SECONDS,
        args: Sequence[str] = (),
        wrap: Sequence[str] = (),
        program: Path | None = None,
        fleet_class: type[WatchedFleet] = WatchedFleet,
        env: Mapping[str, str] | None = None,
        **own: Any,
    ) -> None:
        self.backend = backend
        self.workers = workers
        self.exit_code = exit_code
        self.interruptions: list[Interruption] = []
        self.recoveries: list[Recovery] = []
        self.killed = 0
        self._number, self._title = number, title
        self._limits = limits or Limits()
        self._recovery_seconds = recovery_seconds
        self._settle_seconds = settle_seconds
        self._began = time.monotonic()
        self._scratch = tempfile.TemporaryDirectory(prefix="sqc")
        self.receiver = RecordingReceiver(Path(self._scratch.name))
        urls = [f"{self.receiver.url}/{name}" for name in endpoints]
        self.in_flight = int(own.setdefault("in_flight", IN_FLIGHT))
        # one worker may claim all that a test puts in, and has it on the wire then
        own.setdefault("endpoint_in_flight", self.in_flight)
        config = {**backend.config, **backend.apps(urls), "sockq": own}
        self.fleet = fleet_class(
            config,
            Path(self._scratch.name),
            workers=workers,
            env={**backend.env, **(env or {})},
            args=args,
            outlive_seconds=outlive_seconds,
            bent=bent,
            wrap=wrap,
            program=program,
        )
        settings = self.fleet.driver_settings()
        self.producer = Producer(make_writer(backend, settings), backend.make, endpoints)
        self.ledger = Ledger(
            self.producer,
            self.receiver,
            self.fleet,
            Inspection(settings),
            fifo=backend.source == "fifo",
        )

    # Injections ---------------------------------------------------------------------------------

    def worker(self, *, busy: bool = False) -> dict[str, Any]:
        """A worker that serves, as the status shows it; ``busy``: one that holds jobs."""

        look = self.fleet.busy if busy else self.fleet.serving
        return until(look, within=10.0, explain=self.fleet.log)[0]

    def at_work(self, rate: float, most: int = 0, *, seen: int = 40) -> None:
        """Have jobs written for a slow receiver, until ``seen`` requests came and more are held."""
        self.receiver.answer(every={"delay_seconds": 0.1})
        self.producer.begin(rate, most)
        until(lambda: self.receiver.count >= seen, within=10.0, explain=self.fleet.log)
        self.worker(busy=True)

    def kill(
        self,
        worker: Mapping[str, Any],
        number: int = signal.SIGKILL,
        *,
        held: int | None = None,
    ) -> float:
        """Kill a process of the fleet; returns the monotonic time of it.

        ``held``: the most jobs that it can have held; None: as many as a worker can.
        """
        pid = int(worker["pid"])
        at = time.monotonic()
        os.kill(pid, number)
        self.interrupted(str(worker["name"]), held, pid)
        return at

    def interrupted(self, what: str, jobs: int | None = None, pid: int = 0) -> None:
        """Something died that held ``jobs`` at most; None: as many as a worker can hold.

        ``pid``: Of a process whose end its parent sees; what that found on the board counts then.
        """
        held = self.in_flight if jobs is None else jobs
        self.interruptions.append(Interruption(what, held, time.monotonic(), pid))
        self.killed += 1

    def recovered(self, since: float, gone: Sequence[int] = ()) -> float:
        """D: wait until all workers serve and none of ``gone`` is among them; returns seconds."""

        def whole() -> list[int]:
            pids = [w["pid"] for w in self.fleet.serving()]
            return pids if len(pids) == self.workers and not set(pids) & set(gone) else []

        serving = until(whole, within=self._recovery_seconds + 10.0, explain=self.fleet.log)
        new = [pid for pid in serving if proc.age_seconds(pid) < time.monotonic() - since]
        return self.recovered_now(since, max(map(proc.starved_seconds, new), default=0.0))

    def recovered_now(self, since: float, starved_seconds: float = 0.0) -> float:
        """D: the recovery that began at ``since`` is over; returns its seconds."""
        now = time.monotonic()
        self.recoveries.append(Recovery(now, now - since, starved_seconds))
        return now - since

    def kill_parent(self, *, but: Sequence[int] = ()) -> float:
        """SIGKILL the parent alone; asserts C. Returns the seconds until all others are gone.

        ``but`` may stay. Start ``fleet`` again afterwards, and ``watch`` it.
        """
        for number in range(self.workers):
            self.interrupted(f"w{number:02}")
        at = time.monotonic()
        self.fleet.signal(signal.SIGKILL)
        self.fleet.wait()
        took = self.fleet.all_gone(at, but)
        self.fleet.unwatch()
        return took

    # The end ------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until every accepted job is delivered or dead, and the queue is empty."""
        self.producer.finish()
        self.ledger.settle(self._settle_seconds)

    def history(self) -> History:
        """What is known of the jobs now."""
        return self.ledger.history(self.interruptions)

    def finish(self) -> None:
        """Settle, stop, assert everything. Done by leaving the block."""
        faults = self._stop() if self.fleet.running else self._stopped()
        self.producer.close()
        self.receiver.stop()
        assert self.producer.accepted, "nothing was accepted: nothing was tried"
        faults += history.find_faults(self.history())
        for seen in self.fleet.seen:
            faults += invariants.find_process_faults(seen, self._limits)
        control = [answer for seen in self.fleet.seen for answer in seen.answers["control"]]
        faults += invariants.find_slow(self.recoveries, self._recovery_seconds, control)
        faults += self.receiver.refused
        assert not faults, "\n".join([*faults, self.fleet.log()])

    def _stop(self) -> list[str]:
        self.settle()
        self.ledger.read_dead()
        self.fleet.looked_at()
        self.fleet.signal(signal.SIGTERM)
        return invariants.find_wrong_exit(self.fleet.ended(), self.exit_code)

    def _stopped(self) -> list[str]:
        """The scenario has stopped it: what it left is looked at."""
        assert not self.fleet.watched, f"G: the parent ended by itself\n{self.fleet.log()}"
        return [] if self.backend.source == "memory" else self.ledger.find_held()

    def __enter__(self) -> Self:
        try:
            self.fleet.start()
            self.fleet.watch()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        passed = False
        try:
            if error is None:
                self.finish()
                passed = True
            else:
                print(self.fleet.log())  # noqa: T201 - the fleet's side of a failed test
        finally:
            self._clean_up()
            self._record(passed=passed)

    def _clean_up(self) -> None:
        _quietly(self.fleet.destroy)
        _quietly(self.producer.close)
        _quietly(self.receiver.stop)
        self._scratch.cleanup()

    def _record(self, *, passed: bool) -> None:
        happened = self.history()
        Record(
            self._number,
            self._title,
            self.backend.source,
            len(happened.accepted),
            self.killed,
            len(history.lost(happened)),
            history.repeats(happened),
            max((one.seconds for one in self.recoveries), default=None),
            max((seen.worst("parent") for seen in self.fleet.seen), default=0.0) * 1000,
            max((seen.worst("control") for seen in self.fleet.seen), default=0.0) * 1000,
            time.monotonic() - self._began,
            passed,
        ).save()


def _quietly(step: Callable[[], object]) -> None:
    """Clean up as far as it goes: the first error of the test is the one to see."""
    try:
        step()
    except Exception as error:
        print(f"while cleaning up: {error!r}")  # noqa: T201 - beside the test's own error
