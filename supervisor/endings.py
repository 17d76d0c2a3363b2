"""What the end of a process means: its cause, its line in the log, the delay of its successor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member, Role
from sockq.supervisor.oom import OomCounter
from sockq.supervisor.post_mortem import note_death, remains_of
from sockq.supervisor.process import Ended
from sockq.supervisor.restart import BLAMED, Cause, Exit, classify
from sockq.workers.logs import Event, Log

#: Ends of a helper at the start that starting again cannot mend, or is not ours to.
REFUSALS: Final = frozenset({Cause.CONFIG, Cause.TEMPFAIL})
_IN_ORDER: Final = frozenset({Cause.EXPECTED, Cause.STOPPED, Cause.RECYCLED})
#: ``ru_maxrss`` counts kibibytes on Linux.
_RSS_UNIT_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Ending:
    """One end.

    Attributes:
        cause: Why.
        exit: Its status.
        delay_seconds: Until the successor may start.
        blamed: frozenset[str] of the jobs that it speaks against.
    """

    cause: Cause
    exit: Exit
    delay_seconds: float
    blamed: frozenset[str]


class Endings:
    """Judges ends, and tells about them: in the log, on the board, in its ring of events."""

    def __init__(self, fleet: FleetBoard, log: Log) -> None:
        self._fleet = fleet
        self._log = log
        self._oom = OomCounter()

    def watch(self, now: float) -> None:
        """Called in every pass of the loop; ``now`` is monotonic seconds."""
        self._oom.watch(now)

    def judge(self, member: Member, ended: Ended, now: float) -> Ending:
        """Note the end of ``member``'s process; the state machine is told by the caller."""
        process, slot = member.process, member.slot
        assert process is not None
        end = Exit.from_wait_status(ended.status)
        oom = end.signal is not None and not (slot.hung or slot.late) and self._oom.grew()
        cause = classify(
            end,
            stopping=slot.stopping,
            hung=slot.hung,
            late=slot.late,
            # What it said counts: it may have ended before its slot was looked at again.
            was_ready=process.ready or slot.ready_at is not None,
            oom=oom,
        )
        lived = now - process.started
        delay = member.backoff.delay(
            cause,
            lived_seconds=lived,
            ready_seconds=now - slot.ready_at if slot.ready_at is not None else 0.0,
            progress=member.progressed(),
        )
        usage = ended.usage
        maxrss = usage.ru_maxrss * _RSS_UNIT_BYTES
        cpu = usage.ru_utime + usage.ru_stime
        remains = remains_of(member)
        note_death(
            self._fleet.board.deaths,
            member,
            remains,
            cause,
            end,
            uptime_seconds=lived,
            cpu_seconds=cpu,
            max_rss_bytes=maxrss,
        )
        again = delay if slot.wanted else None
        level = "info" if cause in _IN_ORDER else "warning"
        fields: dict[str, object] = {
            "name": member.name,
            "pid": ended.pid,
            "cause": cause.label,
            "exit": str(end),
            "generation": member.generation,
            "uptime_seconds": lived,
            "cpu_seconds": cpu,
            "max_rss_mb": maxrss >> 20,
            "restart_in_seconds": again,
        }
        if cause not in _IN_ORDER:
            fields |= remains.told
        at_start = member.role is not Role.WORKER and not member.ever_ready
        if not (at_start and cause in REFUSALS):
            self._log.write(level, Event.PROCESS_ENDED, fields)
        told = f"{member.name} {cause.label} ({end}) after {lived:.1f}s"
        if cause not in _IN_ORDER and remains.held.jobs:
            jobs = len(remains.held.jobs)
            told += f" with {jobs} {'job' if jobs == 1 else 'jobs'} in hand"
        if again is not None:
            told += f", again in {again:.1f}s" if again else ", again at once"
        self._fleet.event(level, told)
        member.ended(now, cause, end, maxrss)
        member.tell(told)
        blamed = remains.at_work if cause in BLAMED else frozenset()
        return Ending(cause, end, delay, blamed)
