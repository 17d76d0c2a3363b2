"""The parent: one thread, one selector; forks, reaps, times, signals, decides, counts.

A pass of the loop: wait, read all channels, reap, look at signals, then act on what is due. In this
order, because a death that is handled before its channel is read would close a descriptor whose
event is still in hand. Nothing here blocks, opens a connection, or trusts the wall clock.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final

from sockq.supervisor.board_words import FleetState
from sockq.supervisor.control import Control
from sockq.supervisor.crew import Crew
from sockq.supervisor.disabling import DisabledFileError, Disabling, read_disabled
from sockq.supervisor.doorbell import Doorbell
from sockq.supervisor.drain_notice import DrainNotice
from sockq.supervisor.faults import Faults
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.http_settings import SOCKET_NAME
from sockq.supervisor.operator import Operator
from sockq.supervisor.owners import Known, OwnersFile, await_gone, owner_prefix
from sockq.supervisor.pidlock import (
    BOARD_NAME,
    CONTROL_NAME,
    OWNERS_NAME,
    LockError,
    LockInfo,
    PidLock,
)
from sockq.supervisor.preload import freeze
from sockq.supervisor.sd_notify import Notifier
from sockq.supervisor.service import Service
from sockq.supervisor.slot import Slot
from sockq.supervisor.steps import Steps
from sockq.workers import exits
from sockq.workers.board_memory import MAX_SLOTS, Board
from sockq.workers.disabled import Disabled
from sockq.workers.logs import Event, Log

_LONGEST_WAIT_SECONDS: Final = 1.0
#: A loop that woke so late did not run: whoever was silent meanwhile is not blamed.
_LAG_SECONDS: Final = 1.0
_PREDECESSOR_SECONDS: Final = (1.0, 2.0)


class Parent:
    """A running fleet."""

    def __init__(
        self,
        settings: FleetSettings,
        lock: PidLock,
        owners: OwnersFile,
        disabled: Iterable[Disabled] = (),
    ) -> None:
        self.log = Log("parent")
        self._lock = lock
        self._owners = owners
        self._selector = selectors.DefaultSelector()
        self._doorbell = Doorbell()
        self._board = Board.create(MAX_SLOTS, settings.directory / BOARD_NAME)
        self._fleet = FleetBoard(self._board, settings)
        self._drain = DrainNotice()
        self._notifier = Notifier(os.environ)
        self._service = Service(self._notifier)
        self._faults = Faults(self.log)
        prefix = owner_prefix(settings.directory, int(time.time() * 1000))
        crew = Crew(settings, self._board, owners, prefix, self.log, self._fds)
        self._steps = Steps(settings, crew, self._fleet, self._selector, owners, self.log)
        disabling = Disabling(settings.directory, disabled, self._fleet, self.log)
        self._operator = Operator(settings, self._steps, self._fleet, disabling, self.log)
        self._control = Control(
            settings.directory / CONTROL_NAME, self._selector, self._operator.answer
        )
        self._selector.register(self._doorbell.fd, selectors.EVENT_READ, lambda _mask: None)
        in_memory = not (settings.directory / BOARD_NAME).exists()
        lock.write(LockInfo(self._fleet.pid, self._board.fd if in_memory else None))

    def take_over(self, there: list[Known]) -> None:
        """Have the jobs of a killed predecessor given back first of all.

        ``there``: its processes that did not go; their jobs come back when their leases end.
        """
        left = self._owners.left
        if not left:
            return
        self.log.warning(Event.PREDECESSOR_FOUND, owners=len(left), still_there=len(there) or None)
        for known in left:
            if known not in there and ":w" in known.owner:
                self._steps.reclaims.add(known)

    def run(self) -> int:
        """Turn until the fleet has stopped; returns the exit code."""
        steps = self._steps
        last = time.monotonic()
        steps.act(last)
        while not steps.over:
            now = time.monotonic()
            soonest = min(steps.next_deadline(), self._service.next_at)
            timeout = min(max(0.0, soonest - now), _LONGEST_WAIT_SECONDS)
            ready = self._selector.select(timeout)
            now = time.monotonic()
            lag = now - last - timeout  # a freeze may have come before the wait, too
            last = now
            self._fleet.turned(now, lag, self.log.dropped)
            self._late(now, lag)
            for key, mask in ready:
                self._faults.guard("channels", key.data, mask)
            steps.reap(time.monotonic())
            for number in sorted(self._doorbell.take()):
                self._faults.guard(f"signal {number}", self._operator.signalled, number)
            now = time.monotonic()
            self._late(now, now - last)
            last = now
            steps.act(now)
            self._control.look(time.monotonic())
            self._service.look(time.monotonic(), steps.facts(), self._slots())
            if steps.shutdown.deadline is not None:
                self._drain.look(time.monotonic(), steps.shutdown.deadline, self._fleet.in_flight)
        return steps.exit_code

    def _late(self, now: float, lag: float) -> None:
        if lag > _LAG_SECONDS:
            self._steps.slept(now, lag)

    def failed(self, error: Exception) -> int:
        """A step that the loop cannot go on without raised ``error``; returns the exit code."""
        self._faults.report("the parent's loop", error)
        return exits.GAVE_UP

    def close(self) -> None:
        """Let go of everything.

        The next parent is told what is not given back yet, and after a fault who still runs.
        """
        self._notifier.say("STOPPING=1", "STATUS=stopped")
        self._fleet.set_state(FleetState.STOPPED)
        self._control.close()
        self._notifier.close()
        self._owners.close(self._steps.crew.known() + self._steps.reclaims.pending)
        self._selector.close()
        self._doorbell.close()
        self._lock.release()
        for left in (BOARD_NAME, SOCKET_NAME):
            (self._lock.directory / left).unlink(missing_ok=True)

    def _slots(self) -> Iterator[Slot]:
        return (member.slot for member in self._steps.crew)

    def _fds(self) -> Iterator[int]:
        """What no child may hold. The epoll descriptor, or where there is none, nothing."""
        yield from self._doorbell.fds
        yield from self._control.fds()
        yield from self._notifier.fds()
        yield self._lock.fd
        epoll = getattr(self._selector, "fileno", None)
        if epoll is not None:
            yield epoll()


def run_fleet(settings: FleetSettings) -> int:
    """Run a fleet in this process until it is told to stop.

    Returns:
        The exit code (see ``sockq.workers.exits``). Refusals are one line on stderr.
    """
    if not 1 <= settings.workers < MAX_SLOTS:
        sys.stderr.write(f"sockq: workers must be 1 to {MAX_SLOTS - 1}, not {settings.workers}\n")
        return exits.CONFIG
    try:
        lock = PidLock.take(settings.directory)
        disabled = read_disabled(settings.directory)
    except LockError as error:
        sys.stderr.write(f"sockq: {error}\n")
        return exits.LOCKED
    except DisabledFileError as error:
        sys.stderr.write(f"sockq: {error}\n")
        return exits.CONFIG
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    settings.preload(settings)
    freeze()
    try:
        owners = OwnersFile.open(settings.directory / OWNERS_NAME)
        # Before anything listens: whoever asks the parent must not wait for its predecessor's.
        there = await_gone(owners.left, *_PREDECESSOR_SECONDS)
        parent = Parent(settings, lock, owners, disabled)
    except OSError as error:
        sys.stderr.write(f"sockq: cannot work in {settings.directory}: {error}\n")
        return exits.LOCKED
    try:
        parent.take_over(there)
        return parent.run()
    except Exception as error:
        return parent.failed(error)
    finally:
        parent.close()
