"""What to do with a job whose worker died: run it alone, or bury it. Pure.

Only what was seen counts. A job that was at work when a worker died, on the wire or being prepared,
is run alone next time; one that was alone when its worker died has killed it. One that only waited
in the dead worker is not blamed: no crash of it is counted. Nor is one a suspect, the first time,
that was on the wire when somebody killed the worker: whoever kills a busy worker hits dozens, and
running them all alone would cost the others more than a second such death. A kill from outside may
hit the innocent, so there it takes two alone while the job was being prepared, which takes a
moment, or three in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sockq.drivers.job_mark import mark_of
from sockq.workers.dead_reasons import POISON
from sockq.workers.deaths import HUNG, KILLED, OOM, Death

#: Deaths alone that are enough when somebody else may have sent the signal: at hand, and in all.
KILLS_AT_HAND: Final = 2
KILLS_ALONE: Final = 3
#: Kills from outside, in company and on the wire, that make a suspect.
KILLS_ON_THE_WIRE: Final = 2
#: Crashes of which nothing is known here (another host's, a parent's before this one) that are
#: enough: since the first of them the job was never run but alone.
UNSEEN_CRASHES: Final = 4
#: From this many crashes on a job stays alone until it has ended, however long that takes.
STRICT_CRASHES: Final = 2


@dataclass(frozen=True, slots=True)
class Alone:
    """Run it, and nothing else meanwhile.

    Attributes:
        strict: Until it has ended; else for a bounded time.
    """

    strict: bool


@dataclass(frozen=True, slots=True)
class Poison:
    """Do not run it again; ``reason`` is that of its dead letter."""

    reason: str


def judge(
    key: str, id_: str, crashes: int, survived: int, deaths: Sequence[Death]
) -> Alone | Poison | None:
    """Decide about a job that was claimed.

    Args:
        key: ``journal.job_key`` of it.
        id_: Its id.
        crashes: What its lease says.
        survived: So many of these crashes were there when it ran alone to its end.
        deaths: What the board remembers, the oldest first.

    Returns:
        None: it is a job as any other.
    """
    if crashes <= survived:
        return None
    # A replay begins again at 0 crashes: what the job did before that is forgiven.
    alone = [one for one in deaths if one.alone == key and survived <= one.crashes < crashes]
    own = [one for one in alone if one.cause != KILLED]
    at_hand = sum(one.at_hand for one in alone)
    if own or at_hand >= KILLS_AT_HAND or len(alone) >= KILLS_ALONE:
        return Poison(_told(own[-1] if own else alone[-1], crashes))
    mark = mark_of(id_)
    since = [one for one in deaths if one.alone == key or mark in one.at_work][survived - crashes :]
    company = [one for one in since if one.alone != key]
    hit = sum(one.cause == KILLED and mark != one.in_hand for one in company)
    counted = crashes - survived - (hit if hit < KILLS_ON_THE_WIRE else 0)
    if counted <= 0:
        return None
    unseen = crashes - survived - len(alone) - len(company)
    if unseen >= UNSEEN_CRASHES:
        return Poison(
            f"{POISON}: {crashes} workers died with this job, and here nothing is known of how"
        )
    return Alone(strict=counted >= STRICT_CRASHES)


def _told(death: Death, crashes: int) -> str:
    what = {OOM: "ran out of memory", HUNG: "hung", KILLED: "was killed"}
    told = (
        f"{POISON}: {death.worker} {what.get(death.cause, 'crashed')} ({death.exit}) "
        f"with this job alone, crash {crashes} of it; "
        f"{death.max_rss_mb} MiB at most, {death.cpu_seconds:.1f}s of processor time, "
        f"up {death.uptime_seconds:.1f}s"
    )
    if death.stack:
        told += f"; at {' < '.join(death.stack[:3])}"
    return told[:900]
