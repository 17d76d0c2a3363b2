"""The scoreboard of a fleet, as a worker sees it: the words of its own slot.

The board is one shared mapping (``board_memory``). Each worker owns one slot and is its only
writer; nobody locks, nothing is sent, and a write costs no system call. A word is an unsigned
64-bit number, aligned, so readers never see half of one.

Counters are cumulative over the generations of a slot: a replacement goes on adding where its
predecessor stopped, so the fleet's totals never go back. Gauges are reset by the parent before
each fork (``SlotWriter.reset``).

All ``*_NS`` words are ``time.monotonic_ns()``; 0 means never, or not now.
"""

from __future__ import annotations

import time
from enum import IntEnum
from typing import Final

from sockq.workers import journal
from sockq.workers.seqlock import read_text, write_text

#: Nanoseconds of a second.
NS: Final = 1_000_000_000


class WorkerState(IntEnum):
    """What a worker says of itself in ``words[STATE]``."""

    UNSET = 0
    BOOTING = 1
    READY = 2
    DEGRADED = 3
    PAUSED = 4
    DRAINING = 5


# Gauges: of the process that holds the slot now.
PID: Final = 0
GENERATION: Final = 1
STATE: Final = 2
STATE_SINCE_NS: Final = 3
BEAT_NS: Final = 4
#: Last time that the backend answered a claim, jobs or none.
FETCH_OK_NS: Final = 5
#: When the exchange that ends first must be over.
OLDEST_DEADLINE_NS: Final = 6
#: Jobs held.
IN_FLIGHT: Final = 7
#: Jobs held that wait for their lane.
WAITING: Final = 8
BACKEND_DOWN_SINCE_NS: Final = 9
#: Requests on the wire now.
SENDING: Final = 10
#: Lanes whose breaker is open.
LANES_OPEN: Final = 11
#: Resident set, and the part that only this process has; 0 where unknown.
RSS_BYTES: Final = 12
USS_BYTES: Final = 13
OPEN_FILES: Final = 14
THREADS: Final = 15
#: Most jobs that it holds at once.
IN_FLIGHT_LIMIT: Final = 16
#: Lanes that a 429 has paused.
LANES_PAUSED: Final = 17
CONNECTIONS_OPEN: Final = 18
#: Jobs held that were in a worker's hands when it died: they wait to run alone, or do.
SUSPECTS: Final = 19

# Counters: kept over generations.
CLAIMED: Final = 32
#: Jobs acknowledged.
DELIVERED: Final = 33
#: Requests that did not succeed.
FAILED: Final = 34
RETRIED: Final = 35
DEAD: Final = 36
RELEASED: Final = 37
LEASE_LOST: Final = 38
#: Requests made.
ATTEMPTS: Final = 39
BYTES_OUT: Final = 40
#: Settlements that the backend confirmed, of any kind.
SETTLED: Final = 41
#: Jobs that owed nobody anything: no webhook wanted their events.
FILTERED: Final = 42
CONNECTIONS_OPENED: Final = 44
#: Sums of the histograms below, microseconds.
SENDING_US: Final = 45
QUEUE_WAIT_US: Final = 46
BACKEND_ERRORS: Final = 47
END_TO_END_US: Final = 48
#: Jobs acknowledged of which somebody was owed something.
JOBS_DELIVERED: Final = 49
#: Of ``DEAD``: no job, not its app's signature, an app that nobody knows, poison, all the others.
DEAD_INVALID: Final = 50
DEAD_TAMPERED: Final = 51
DEAD_UNKNOWN_APP: Final = 52
DEAD_UNDELIVERED: Final = 56
#: Jobs that killed their workers.
DEAD_POISON: Final = 57
#: When the last of these was buried.
POISON_NS: Final = 58
#: Requests that their lane would not take.
PARKED: Final = 53
#: Exchanges on a connection that was open already.
CONNECTIONS_REUSED: Final = 54
#: Processor time of all processes of the slot.
CPU_NS: Final = 55

#: Ended exchanges by what came back (``outcome_classes``), then the buckets of the histograms.
CLASSES_AT: Final = 64
SENDING_AT: Final = 96
QUEUE_WAIT_AT: Final = 128
END_TO_END_AT: Final = 160

#: Sizes of the parts of a slot, in bytes. Pages, so that an unused part costs no memory.
WORDS_BYTES: Final = 4096
TEXT_BYTES: Final = 4096
JOURNAL_BYTES: Final = 128 * 1024
#: Two blocks of this size: one is whole while the other is written.
ENDPOINTS_BYTES: Final = 256 * 1024

_GAUGES: Final = range(CLAIMED)


class SlotWriter:
    """One worker's slot.

    Attributes:
        index: Which slot of the board this is, from 0.
        words: The slot's words; the hot path does ``words[DELIVERED] += 1``.
        journal: Room for the jobs in flight, bytes (``journal``).
        endpoints: Two blocks for the table of endpoints (``endpoint_table``).
    """

    __slots__ = ("_text", "endpoints", "index", "journal", "words")

    def __init__(
        self,
        index: int,
        words: memoryview,
        text: memoryview,
        journal: memoryview,
        endpoints: tuple[memoryview, memoryview],
    ) -> None:
        self.index = index
        self.words = words
        self.journal = journal
        self.endpoints = endpoints
        self._text = text

    def reset(self, generation: int) -> None:
        """Before a fork: no process yet, gauges at zero, beat now (never a stale or a zero one)."""
        for word in _GAUGES:
            self.words[word] = 0
        journal.clear(self.journal)
        self.words[GENERATION] = generation
        self.words[BEAT_NS] = time.monotonic_ns()
        self.set_state(WorkerState.BOOTING)
        self.set_text("")

    def set_state(self, state: WorkerState) -> None:
        """Say what the worker does now; the time of the change is kept."""
        if self.words[STATE] != state:
            self.words[STATE_SINCE_NS] = time.monotonic_ns()
            self.words[STATE] = state

    def beat(self) -> None:
        """Say that the loop still turns."""
        self.words[BEAT_NS] = time.monotonic_ns()

    def set_text(self, text: str) -> None:
        """Say something for humans: the last error, one line, without secrets."""
        write_text(self._text, text)

    @property
    def text(self) -> str:
        """What ``set_text`` said last."""
        return read_text(self._text)
