"""One job of the memory queue, and its dead letters: plain values without I/O or clock."""

from __future__ import annotations

from enum import Enum, auto

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Lease
from sockq.drivers.source import DeadLetter, DeadPage

#: Bytes of payload and state that one claim or page holds, unless its first job alone is larger.
ANSWER_BYTES = 16 << 20
#: Dead letters that one ``trim`` removes at most.
TRIM_LIMIT = 1_000


class Place(Enum):
    """Where a job is."""

    READY = auto()
    DELAYED = auto()
    LEASED = auto()
    DEAD = auto()


class Record:
    """One job with everything known about it. ``order`` is a number that fits its place."""

    __slots__ = (
        "attempt",
        "crashes",
        "deadline",
        "died_at_ms",
        "id",
        "order",
        "owner",
        "payload",
        "place",
        "ready_since",
        "reason",
        "receipt",
        "state",
    )

    def __init__(self, id_: str, payload: bytes, now: float) -> None:
        self.id = id_
        self.payload = payload
        self.place = Place.READY
        self.ready_since = now
        self.attempt = 0
        self.crashes = 0
        self.state = b""
        self.receipt = ""
        self.owner = ""
        self.deadline = 0.0
        self.order = 0
        self.reason = ""
        self.died_at_ms = 0

    def lease(self) -> Lease:
        """Return what its owner gets."""
        return Lease(
            id=self.id,
            payload=self.payload,
            attempt=self.attempt,
            receipt=self.receipt,
            owner=self.owner,
            state=self.state,
            crashes=self.crashes,
        )

    @property
    def size_bytes(self) -> int:
        """What the job adds to an answer."""
        return len(self.payload) + len(self.state)


class DeadLetters:
    """Dead letters in the order of their deaths."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._deaths = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        """Keep a record."""
        self._deaths += 1
        record.place = Place.DEAD
        record.order = self._deaths
        self._records[record.id] = record

    def trim(self, most: int, older_than_seconds: float, now_ms: int) -> list[Record]:
        """Take out the oldest that are too many or too old (0: no bound), at most TRIM_LIMIT."""
        surplus = len(self._records) - most if most else 0
        too_old_ms = now_ms - int(older_than_seconds * 1000) if older_than_seconds else 0
        trimmed: list[Record] = []
        for record in self._records.values():
            kept = len(trimmed) >= surplus and record.died_at_ms >= too_old_ms
            if kept or len(trimmed) >= TRIM_LIMIT:
                break
            trimmed.append(record)
        for record in trimmed:
            del self._records[record.id]
        return trimmed

    def pop(self, id_: str) -> Record | None:
        """Take a record out."""
        return self._records.pop(id_, None)

    def page(self, cursor: str | None, limit: int) -> DeadPage:
        """Return one page, oldest first.

        Raises:
            BackendRefused: the cursor is none of ours.
        """
        if cursor is not None and not cursor.isdecimal():
            raise BackendRefused(f"{cursor!r} is no cursor of this queue: start without one")
        after = 0 if cursor is None else int(cursor)
        page: list[Record] = []
        size_bytes = 0
        more = False
        for record in self._records.values():
            if record.order <= after:
                continue
            size_bytes += record.size_bytes
            more = bool(page) and (len(page) >= limit or size_bytes > ANSWER_BYTES)
            if more:
                break
            page.append(record)
        letters = [
            DeadLetter(
                id=record.id,
                payload=record.payload,
                reason=record.reason,
                died_at_ms=record.died_at_ms,
                attempt=record.attempt,
                state=record.state,
                crashes=record.crashes,
            )
            for record in page
        ]
        return DeadPage(letters, str(page[-1].order) if more else None)
