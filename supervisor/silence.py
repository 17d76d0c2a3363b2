"""What to do about a process that is silent: judged by what the kernel shows of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

#: Processor time between two looks that is work; less is the look itself, and its stack dump.
_WORK_SECONDS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Look:
    """A process from outside.

    Attributes:
        state: The kernel's letter: R, S, D, T, t, Z, …
        cpu_seconds: Processor time so far, all threads.
    """

    state: str
    cpu_seconds: float

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it: a signal, or a debugger."""
        return self.state in ("T", "t")


#: There is such a process, perhaps; no descriptor is to be had for a look at it.
UNSEEN: Final = Look("?", 0.0)
#: One that cannot be looked at is left alone for this many times the patience.
_UNSEEN_TIMES: Final = 4


class Verdict(Enum):
    """On a silent process."""

    #: It hangs: end it.
    KILL = auto()
    #: Somebody stopped it, and may let it go on: wait.
    STOPPED = auto()
    #: It hangs in the kernel, where SIGKILL does not reach it: have another one do its work.
    BLOCKED = auto()
    #: It computes: give it more time, once.
    BUSY = auto()
    #: Nobody can say now: look again.
    UNSEEN = auto()


def judge(
    before: Look | None,
    now: Look | None,
    *,
    silent_seconds: float,
    patience_seconds: float,
    extended: bool,
) -> Verdict:
    """Decide.

    Args:
        before: When it was found silent.
        now: A moment later; None where the system does not show such things. Either may be
            ``UNSEEN``.
        silent_seconds: Since its last beat, or its fork.
        patience_seconds: For how long it may be silent; one that computes twice as long.
        extended: It was given more time already.
    """
    if now is None:
        return Verdict.KILL
    if now.stopped:
        return Verdict.STOPPED
    if now.state == "D":
        return Verdict.BLOCKED
    if UNSEEN in (before, now) and silent_seconds < _UNSEEN_TIMES * patience_seconds:
        return Verdict.UNSEEN
    works = before is not None and now.cpu_seconds - before.cpu_seconds >= _WORK_SECONDS
    if works and not extended and silent_seconds < 2 * patience_seconds:
        return Verdict.BUSY
    return Verdict.KILL
