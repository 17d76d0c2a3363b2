"""What the end of a process means: its cause, its line in the log, the delay of its successor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sockq.drivers.job_mark import Marks
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member, Role
from sockq.supervisor.oom import OomCounter
from sockq.supervisor.post_mortem import Remains, note_death, remains_of
from sockq.supervisor.process import Ended, Used
from sockq.supervisor.restart import BLAMED, Cause, Exit, classify
from sockq.workers.logs import Event, Log

#: Ends of a helper at the start that starting again cannot mend, or is not ours to.
REFUSALS: Final = frozenset({Cause.CONFIG, Cause.TEMPFAIL})
_IN_ORDER: Final = frozenset({Cause.EXPECTED, Cause.STOPPED, Cause.RECYCLED})


@dataclass(frozen=True, slots=True)
class Ending:
    """One end.

    Attributes:
        cause: Why.
        exit: Its status.
        delay_seconds: Until the successor may start.
        blamed: Marks of the jobs that it speaks against.
    """

    cause: Cause
    exit: Exit
    delay_seconds: float
    blamed: Marks


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
        used = ended.used(now - process.started)
        delay = member.backoff.delay(
            cause,
            lived_seconds=used.uptime_seconds,
            ready_seconds=now - slot.ready_at if slot.ready_at is not None else 0.0,
            progress=member.progressed(),
        )
        remains = remains_of(member)
        note_death(self._fleet.board.deaths, member, remains, cause, end, used)
        again = delay if slot.wanted else None
        told = self._tell(member, cause, end, used, remains, again)
        member.ended(now, cause, end, used.max_rss_bytes)
        member.tell(told)
        blamed = remains.at_work if cause in BLAMED else frozenset()
        return Ending(cause, end, delay, blamed)

    def _tell(
        self,
        member: Member,
        cause: Cause,
        end: Exit,
        used: Used,
        remains: Remains,
        again_seconds: float | None,
    ) -> str:
        """Write the end into the log and the ring of events; returns its line there."""
        assert member.process is not None
        in_order = cause in _IN_ORDER
        level = "info" if in_order else "warning"
        fields: dict[str, object] = {
            "name": member.name,
            "pid": member.process.pid,
            "cause": cause.label,
            "exit": str(end),
            "generation": member.generation,
            "uptime_seconds": used.uptime_seconds,
            "cpu_seconds": used.cpu_seconds,
            "max_rss_mb": used.max_rss_bytes >> 20,
            "restart_in_seconds": again_seconds,
        }
        if not in_order:
            fields |= remains.told
        at_start = member.role is not Role.WORKER and not member.ever_ready
        if not (at_start and cause in REFUSALS):
            self._log.write(level, Event.PROCESS_ENDED, fields)
        told = f"{member.name} {cause.label} ({end}) after {used.uptime_seconds:.1f}s"
        if not in_order and remains.held.jobs:
            jobs = len(remains.held.jobs)
            told += f" with {jobs} {'job' if jobs == 1 else 'jobs'} in hand"
        if again_seconds is not None:
            told += f", again in {again_seconds:.1f}s" if again_seconds else ", again at once"
        self._fleet.event(level, told)
        return told
