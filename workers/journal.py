"""What a worker holds, job by job, kept where it outlives the worker: for whoever reads it then.

Each job that is held has an entry in the slot's part of the board: its id, and one word that makes
the entry valid. The id is written before the word, so a process that is killed at any instruction
leaves entries that are whole or not there. A job that runs alone has a place of its own.

    words    0 entry at hand + 1, 1 the job that runs alone, from 32 one for each entry
    alone    source and id of that job, whole
    entries  ids, cut to ``ID_BYTES``
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sockq.drivers.job_mark import MARKED_BYTES, id_bytes, mark_of_bytes

if TYPE_CHECKING:  # the parent reads journals, with the standard library alone
    from sockq.drivers.job import Lease, Settlement

#: Jobs that have an entry. A claim that is under way for each source may bring a worker more than
#: its ``in_flight``, by a batch each.
ENTRIES: Final = 992
#: The most that ``in_flight`` may be.
MOST_IN_FLIGHT: Final = 480
#: An entry's id is cut to this.
ID_BYTES: Final = MARKED_BYTES

_AT_HAND: Final = 0
_ALONE: Final = 1
_FIRST: Final = 32
_WORDS_BYTES: Final = 8192
_ALONE_BYTES: Final = 1024
_IDS_AT: Final = _WORDS_BYTES + _ALONE_BYTES

# An entry's word: what is the case (below), length of the id, since when (monotonic milliseconds).
_HELD: Final = 1
_SENT: Final = 2
_BEGUN: Final = 4
_LENGTH_AT: Final = 8
_SINCE_AT: Final = 16
# The word of the job that runs alone: length of its key, and its crashes so far plus one.
_CRASHES_AT: Final = 16
_MOST_CRASHES: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that a worker held.

    Attributes:
        id: Its id, cut to ``ID_BYTES``, to be shown.
        mark: See ``job_mark.mark_of``.
        sent: A request of it had been sent, or was being sent.
        at_hand: It was being prepared at that moment.
        begun: Its app was being looked up, or a connection opened for it.
        since_ms: When it was claimed, monotonic milliseconds.
    """

    id: str
    mark: str
    sent: bool
    at_hand: bool
    begun: bool
    since_ms: int

    @property
    def at_work(self) -> bool:
        """Whether the worker did anything with it."""
        return self.sent or self.at_hand or self.begun


@dataclass(frozen=True, slots=True)
class AloneJob:
    """The job that ran alone.

    Attributes:
        key: See ``job_key``.
        crashes: What its lease said.
    """

    key: str
    crashes: int

    @property
    def id(self) -> str:
        """The job's, as far as the key holds it."""
        return self.key.partition("\n")[2] or self.key


@dataclass(frozen=True, slots=True)
class Held:
    """All that a worker held when it was looked at."""

    jobs: tuple[HeldJob, ...] = ()
    alone: AloneJob | None = None


def job_key(source: str, id_: str) -> str:
    """Name a job among those of all sources of a worker."""
    return f"{source}\n{id_}"[: _ALONE_BYTES // 2]


def clear(region: memoryview) -> None:
    """Forget everything; before a new process writes."""
    region[:_WORDS_BYTES] = bytes(_WORDS_BYTES)


def read_journal(region: memoryview) -> Held:
    """Read what a worker left; sound also when it is still writing, or died in the middle."""
    words = region[:_WORDS_BYTES].cast("Q")
    at_hand = words[_AT_HAND]
    jobs: list[HeldJob] = []
    for index in range(ENTRIES):
        word = words[_FIRST + index]
        if word & _HELD:
            at = _IDS_AT + index * ID_BYTES
            length = min(word >> _LENGTH_AT & 0xFF, ID_BYTES)
            id_ = bytes(region[at : at + length])
            state = bool(word & _SENT), at_hand == index + 1, bool(word & _BEGUN)
            text = id_.decode("utf-8", "replace")
            jobs.append(HeldJob(text, mark_of_bytes(id_), *state, word >> _SINCE_AT))
    return Held(tuple(jobs), _read_alone(region, words[_ALONE]))


def _read_alone(region: memoryview, word: int) -> AloneJob | None:
    crashes, length = word >> _CRASHES_AT, word & 0xFFFF
    if not crashes or length > _ALONE_BYTES:
        return None
    key = bytes(region[_WORDS_BYTES : _WORDS_BYTES + length]).decode(errors="surrogateescape")
    return AloneJob(key, crashes - 1)


class Journal:
    """The worker's side. Writing costs no system call, and well below a microsecond a job."""

    __slots__ = ("_at", "_free", "_region", "_words")

    def __init__(self, region: memoryview) -> None:
        self._region = region
        self._words = region[:_WORDS_BYTES].cast("Q")
        self._free = list(range(ENTRIES - 1, -1, -1))
        self._at: dict[str, int] = {}

    def hold(self, leases: Sequence[Lease]) -> None:
        """Write down what a claim brought, before any of it is worked on."""
        words, region, free, entries = self._words, self._region, self._free, self._at
        sign = (time.monotonic_ns() // 1_000_000) << _SINCE_AT | _HELD
        for lease in leases:
            if not free:
                return
            index = free.pop()
            data = id_bytes(lease.id)[:ID_BYTES]
            at = _IDS_AT + index * ID_BYTES
            length = len(data)
            region[at : at + length] = data
            words[_FIRST + index] = sign | length << _LENGTH_AT
            entries[lease.receipt] = index

    def at_hand(self, lease: Lease) -> None:
        """This job is being prepared now."""
        self._words[_AT_HAND] = self._at.get(lease.receipt, -1) + 1

    def hands_empty(self) -> None:
        """Nothing is being prepared."""
        self._words[_AT_HAND] = 0

    def sending(self, lease: Lease) -> None:
        """A request of this job goes out."""
        index = self._at.get(lease.receipt)
        if index is not None:
            self._words[_FIRST + index] |= _SENT

    def begins(self, lease: Lease) -> None:
        """Its app is being looked up, or a connection opened for it."""
        index = self._at.get(lease.receipt)
        if index is not None:
            self._words[_FIRST + index] |= _BEGUN

    def rests(self, lease: Lease) -> None:
        """That is over."""
        index = self._at.get(lease.receipt)
        if index is not None:
            self._words[_FIRST + index] &= ~_BEGUN

    def alone(self, key: str, crashes: int) -> None:
        """From now on only this job can be what happens to the process."""
        data = id_bytes(key)[:_ALONE_BYTES]
        self._region[_WORDS_BYTES : _WORDS_BYTES + len(data)] = data
        self._words[_ALONE] = min(crashes + 1, _MOST_CRASHES) << _CRASHES_AT | len(data)

    def in_company(self) -> None:
        """Other jobs may be at work again."""
        self._words[_ALONE] = 0

    def settled(self, batch: Sequence[Settlement]) -> None:
        """These are held no more."""
        words, free, entries = self._words, self._free, self._at
        for settlement in batch:
            index = entries.pop(settlement.lease.receipt, None)
            if index is not None:
                words[_FIRST + index] = 0
                free.append(index)
