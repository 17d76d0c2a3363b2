"""How workers died lately, and what they held then: a ring on the board.

The parent writes a record before a dead worker's jobs are given back; whoever claims one of them
reads it. Standard library only, because the parent writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from sockq.workers.journal import ID_BYTES, HeldJob
from sockq.workers.seqlock import read_bytes, room, write_bytes

DEATHS: Final = 128
_HEAD_BYTES: Final = 64
_RECORD_BYTES: Final = 8 * 1024
_HASH_BYTES: Final = 8
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
        held: Hashes of the ids of all that it held (``hash_of``).
        at_work: Of these, those of jobs that were on the wire or being prepared.
        in_hand: The hash of the one that was being prepared, or nothing.
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
    held: frozenset[bytes] = frozenset()
    at_work: frozenset[bytes] = frozenset()
    in_hand: bytes = b""


def hash_of(id_: str) -> bytes:
    """What stands for a job's id among those that were held; other sources' may be the same."""
    return blake2b(id_.encode()[:ID_BYTES], digest_size=_HASH_BYTES).digest()


def hashes_of(jobs: Iterable[HeldJob]) -> frozenset[bytes]:
    """The hashes of jobs of a journal."""
    return frozenset(hash_of(job.id) for job in jobs)


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
        "in_hand": death.in_hand.hex(),
        "stack": [line[:_LINE_CHARACTERS] for line in death.stack[:STACK_LINES]],
    }
    # Those at work first: they are told apart by their number, and what has no room was only held.
    hashes = [*sorted(death.at_work), *sorted(death.held - death.at_work)]
    head = json.dumps({**told, "at_work": len(death.at_work)}, separators=(",", ":")).encode()
    left = max(0, most - _LENGTH_BYTES - len(head)) // _HASH_BYTES
    return len(head).to_bytes(_LENGTH_BYTES, "little") + head + b"".join(hashes[:left])


def _unpack(data: bytes) -> Death:
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    told = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length])
    hashes = data[_LENGTH_BYTES + length :]
    held = [hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES)]
    told["stack"] = tuple(told["stack"])
    told["in_hand"] = bytes.fromhex(told["in_hand"])
    told["at_work"] = frozenset(held[: told["at_work"]])
    return Death(**told, held=frozenset(held))
