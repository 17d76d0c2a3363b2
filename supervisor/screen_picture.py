"""What the live screen shows: one or several documents, with the rates that follow from them. Pure.

Documents are read as they come: a field that is missing is shown as ``-``, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockq.supervisor.status_words import ABSENT, Condition

Item = dict[str, Any]
Curve = list[float | None]

#: A host whose document is older than this is dim, then lost.
DIM_SECONDS: Final = 15.0
LOST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source gave.

    Attributes:
        label: The source's name: a directory, or host and port.
        document: The newest status document.
        age_seconds: How long ago it was read.
        error: Why nothing newer came; empty when all is well.
    """

    label: str
    document: Item
    age_seconds: float = 0.0
    error: str = ""

    @property
    def host(self) -> str:
        """The host that it tells of."""
        return str(self.document.get("host") or self.label)

    @property
    def lost(self) -> bool:
        """Whether it is too old to say anything about now."""
        return self.age_seconds > LOST_SECONDS

    @property
    def dim(self) -> bool:
        """Whether it is old."""
        return self.age_seconds > DIM_SECONDS


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: unix seconds, ``info``, ``warning`` or ``error``, and a line."""

    at: float
    level: str
    text: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Rates:
    """Of all hosts together; None: not known yet."""

    ok: float | None = None
    errors: float | None = None
    arriving: float | None = None
    error_percent: float | None = None
    attempts_per_job: float | None = None
    retried: int | None = None
    dead: int | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one kind of wait over the last minute, milliseconds.

    Attributes:
        p50, p95, p99: Percentiles; None: not known.
        beyond: The percentile lies past the last bound, at least where its number says.
        shape: How many fell into each bucket.
    """

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    beyond: frozenset[str] = frozenset()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that a frame shows.

    Attributes:
        state: The status word of all together.
        readings: What the sources gave, one for each host.
        at: Unix seconds of the newest document.
        problems: Worst first, ``kind`` and ``text``.
        queue: Counts over all hosts; empty when no fleet is there.
        sources: The queues, each with its counts.
        totals: Counters of all hosts together.
        outcomes: Ended requests of the last minute by class.
        latencies: By kind: ``sending``, ``queue_wait``, ``end_to_end``.
        workers: With ``id``, ``host``, ``ok_rate``, ``error_percent``, ``old`` added.
        curve: Of a counter: name, points, seconds a point.
    """

    state: str
    readings: Sequence[Reading]
    at: float
    problems: Sequence[Mapping[str, str]]
    queue: Item
    sources: Sequence[Item]
    totals: Mapping[str, int]
    rates: Rates
    outcomes: Mapping[str, int]
    latencies: Mapping[str, Latency]
    workers: Sequence[Item]
    endpoints: Sequence[Item] | None
    events: Sequence[Event]
    wanted: int | None
    serving: int | None
    curve: Callable[[str, int, float], Curve]

    @property
    def first(self) -> Item:
        """The first document."""
        return self.readings[0].document if self.readings else {}

    @property
    def there(self) -> bool:
        """Whether any fleet is there to be shown."""
        return self.state not in ABSENT

    @property
    def in_flight(self) -> int:
        """Jobs that the workers hold."""
        return sum(one.get("in_flight") or 0 for one in self.workers if one.get("state") != "lost")

    @property
    def disabled(self) -> int:
        """Endpoints that an operator has disabled, each host's for itself."""
        there = (one.document for one in self.readings if not one.lost)
        return sum(document.get("endpoints_disabled") or 0 for document in there)

    @property
    def seconds_to_clear(self) -> float | None:
        """How long the waiting jobs take at the present rate; None: not known, or for ever."""
        waiting, rate = self.queue.get("ready"), self.rates.ok
        if waiting == 0:
            return 0.0
        return waiting / rate if waiting and rate else None


def common_state(readings: Sequence[Reading]) -> str:
    """One status word for all hosts."""
    states = [
        Condition.UNKNOWN if one.lost else str(one.document.get("state", Condition.UNKNOWN))
        for one in readings
    ]
    kinds = set(states)
    if len(kinds) == 1:
        return states[0]
    return Condition.DEGRADED if kinds else Condition.UNKNOWN


def parse_event(line: str, host: str = "") -> Event:
    """``UNIX-MS LEVEL TEXT`` as the board keeps it."""
    stamp, _, rest = line.partition(" ")
    level, _, text = rest.partition(" ")
    if not stamp.isdigit():
        return Event(0.0, "info", line, host)
    return Event(int(stamp) / 1000, level, text, host)
