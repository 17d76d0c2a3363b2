"""A running child, from its fork until it is reaped; and how all that ended are reaped."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from resource import struct_rusage
from typing import Final

from sockq.supervisor.channel import Channel

#: Deaths taken in one pass of the loop; more wait for the next one.
_REAP_LIMIT: Final = 256
#: ``ru_maxrss`` counts kibibytes on Linux.
_RSS_UNIT_BYTES: Final = 1024


class Process:
    """One child.

    Attributes:
        pid: Stays ours until it is reaped, so signalling by pid cannot miss.
        pidfd: Readable when it ended (Linux), else None. An accelerator: SIGCHLD comes as well.
        channel: The parent's end.
        owner: The name under which it leases jobs; empty for helpers.
        generation: Counts the processes of its slot, from 1.
        started: Monotonic seconds.
        ready: It said that it is.
    """

    def __init__(
        self, pid: int, channel: Channel, *, owner: str, generation: int, started: float
    ) -> None:
        self.pid = pid
        self.pidfd = _pidfd(pid)
        self.channel = channel
        self.owner = owner
        self.generation = generation
        self.started = started
        self.ready = False

    @property
    def fds(self) -> tuple[int, ...]:
        """What a sibling must close."""
        numbers = (self.channel.fileno(), -1 if self.pidfd is None else self.pidfd)
        return tuple(number for number in numbers if number >= 0)

    def signal(self, number: int) -> None:
        """Send a signal; a process that has ended already does not mind."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def close(self) -> None:
        """Close what the parent holds of it."""
        self.channel.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None


@dataclass(frozen=True, slots=True)
class Used:
    """What a process took from its fork to its end.

    Attributes:
        uptime_seconds: How long it lived.
        cpu_seconds: Processor time, user and system.
        max_rss_bytes: Its largest resident set.
    """

    uptime_seconds: float
    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that was reaped: its wait status and what it used."""

    pid: int
    status: int
    usage: struct_rusage

    def used(self, uptime_seconds: float) -> Used:
        """The same with the time it lived, in our units."""
        usage = self.usage
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Used(uptime_seconds, cpu_seconds, usage.ru_maxrss * _RSS_UNIT_BYTES)


def reap() -> list[Ended]:
    """Take all children that have ended. One SIGCHLD may stand for many of them."""
    ended: list[Ended] = []
    while len(ended) < _REAP_LIMIT:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not pid:
            break
        ended.append(Ended(pid, status, usage))
    return ended


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
