"""How workers died lately, and what they held then: a ring on the board.

The parent writes a record before a dead worker's jobs are given back; whoever claims one of them
reads it. Standard library only, because the parent writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from sockq.drivers.job_mark import Marks
from sockq.workers.seqlock import read_bytes, room, write_bytes

#: Causes that the reason of a dead letter has words for; the parent's labels (``restart.Cause``).
KILLED: Final = "killed"
OOM: Final = "oom"
HUNG: Final = "hung"

DEATHS: Final = 128
_HEAD_BYTES: Final = 64
_RECORD_BYTES: Final = 12 * 1024
_MARK_BYTES: Final = 8
_LENGTH_BYTES: Final = 4
#: Frames that are kept of a stack, and characters of a frame.
STACK_LINES: Final = 12
_LINE_CHARACTERS: Final = 160

REGION_BYTES: Final = _HEAD_BYTES + DEATHS * _RECORD_BYTES


@dataclass(frozen=True, slots=True)
class Death:
    """One end of a worker that speaks against what it held.

    Attributes:
        worker: ``w03``.
        cause: ``crash``, ``oom``, ``hung``, ``killed``.
        exit: ``SIGSEGV``, ``exit 70``.
        at_ms: Unix time, milliseconds.
        uptime_seconds: From its fork.
        cpu_seconds: Processor time, user and system.
        max_rss_mb: Its largest resident set, MiB.
        alone: Key of the job that ran alone (``journal.job_key``), or "".
        crashes: What that job's lease said of earlier crashes.
        at_hand: That job was being prepared at that moment, not waiting for an answer.
        stack: Its last frames, the innermost first.
        held: How many jobs it held.
        at_work: Marks of those that are blamed: on the wire, being prepared, or alone.
        in_hand: The mark of the one that was being prepared, or "".
    """

    worker: str
    cause: str
    exit: str
    at_ms: int
    uptime_seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss_mb: int = 0
    alone: str = ""
    crashes: int = 0
    at_hand: bool = False
    stack: tuple[str, ...] = ()
    held: int = 0
    at_work: Marks = frozenset()
    in_hand: str = ""


class Deaths:
    """The ring. One writer: the parent. Readers keep what they read until it changes."""

    def __init__(self, region: memoryview) -> None:
        self._read: tuple[int, list[Death]] = (0, [])
        self._words = region[:_HEAD_BYTES].cast("Q")
        self._region = region

    @property
    def count(self) -> int:
        """How many there were, ever."""
        return self._words[0]

    def add(self, death: Death) -> None:
        """Write one down; the oldest is forgotten."""
        number = self.count
        block = self._block(number)
        write_bytes(block, _pack(death, room(block)))
        self._words[0] = number + 1

    def read(self) -> list[Death]:
        """All that are remembered, the oldest first."""
        count = self.count
        if count != self._read[0]:
            self._read = count, self.last(DEATHS)
        return self._read[1]

    def last(self, most: int) -> list[Death]:
        """The latest, the oldest of them first."""
        count = self.count
        records = (read_bytes(self._block(n)) for n in range(max(0, count - most), count))
        return [_unpack(data) for data in records if data]

    def _block(self, number: int) -> memoryview:
        at = _HEAD_BYTES + number % DEATHS * _RECORD_BYTES
        return self._region[at : at + _RECORD_BYTES]


def _pack(death: Death, most: int) -> bytes:
    told = {
        "worker": death.worker,
        "cause": death.cause,
        "exit": death.exit,
        "at_ms": death.at_ms,
        "uptime_seconds": round(death.uptime_seconds, 3),
        "cpu_seconds": round(death.cpu_seconds, 3),
        "max_rss_mb": death.max_rss_mb,
        "alone": death.alone,
        "crashes": death.crashes,
        "at_hand": death.at_hand,
        "held": death.held,
        "in_hand": death.in_hand,
        "stack": [line[:_LINE_CHARACTERS] for line in death.stack[:STACK_LINES]],
    }
    head = json.dumps(told, separators=(",", ":")).encode()
    left = max(0, most - _LENGTH_BYTES - len(head)) // _MARK_BYTES
    marks = b"".join(map(bytes.fromhex, sorted(death.at_work)[:left]))
    return len(head).to_bytes(_LENGTH_BYTES, "little") + head + marks


def _unpack(data: bytes) -> Death:
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    told = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length])
    marks = data[_LENGTH_BYTES + length :]
    told["stack"] = tuple(told["stack"])
    told["at_work"] = frozenset(
        marks[at : at + _MARK_BYTES].hex() for at in range(0, len(marks), _MARK_BYTES)
    )
    return Death(**told)
