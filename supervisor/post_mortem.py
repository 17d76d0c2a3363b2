"""What a dead worker leaves: looked at when it is reaped, before anybody else has its slot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sockq.drivers.job_mark import Marks, mark_of
from sockq.supervisor.member import Member
from sockq.supervisor.process import Used
from sockq.supervisor.restart import BLAMED, Cause, Exit
from sockq.workers.deaths import Death, Deaths
from sockq.workers.journal import Held, read_journal

#: Ids and frames that a line of the log names.
_MOST_IDS: Final = 5
_MOST_FRAMES: Final = 6


@dataclass(frozen=True, slots=True)
class Remains:
    """Of one process: what it held, and the frames that it was last seen in."""

    held: Held
    stack: tuple[str, ...]

    @property
    def at_work(self) -> Marks:
        """Marks of the jobs that the worker did something with, and of the one that ran alone."""
        marks = {job.mark for job in self.held.jobs if job.at_work}
        if self.held.alone is not None:
            marks.add(mark_of(self.held.alone.id))
        return frozenset(marks)

    @property
    def told(self) -> dict[str, object]:
        """Fields for the log; None where there is nothing to say."""
        jobs = self.held.jobs
        alone = self.held.alone
        at_hand = next((job.id for job in jobs if job.at_hand), None)
        return {
            "held": len(jobs) or None,
            "sent": sum(job.sent for job in jobs) or None,
            "jobs": [job.id for job in jobs[:_MOST_IDS]] or None,
            "at_hand": at_hand,
            "alone": alone.id if alone else None,
            "stack": " < ".join(self.stack[:_MOST_FRAMES]) or None,
        }


def remains_of(member: Member) -> Remains:
    """Look at what the process of ``member`` left; nothing for a helper."""
    if member.writer is None:
        return Remains(Held(), ())
    stack = member.last_words.stack() if member.last_words is not None else ()
    return Remains(read_journal(member.writer.journal), stack)


def note_death(
    deaths: Deaths, member: Member, remains: Remains, cause: Cause, end: Exit, used: Used
) -> None:
    """Keep what speaks against the jobs that were held; the others' ends say nothing of them."""
    held = remains.held
    if cause not in BLAMED or not (held.jobs or held.alone):
        return
    deaths.add(
        Death(
            worker=member.name,
            cause=cause.label,
            exit=str(end),
            at_ms=time.time_ns() // 1_000_000,
            uptime_seconds=used.uptime_seconds,
            cpu_seconds=used.cpu_seconds,
            max_rss_mb=used.max_rss_bytes >> 20,
            alone=held.alone.key if held.alone else "",
            crashes=held.alone.crashes if held.alone else 0,
            at_hand=any(job.at_hand for job in held.jobs),
            stack=remains.stack,
            held=len(held.jobs),
            at_work=remains.at_work,
            in_hand=next((job.mark for job in held.jobs if job.at_hand), ""),
        )
    )
