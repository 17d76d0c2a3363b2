"""The seam: what a driver opens, and the verbs of a queue. Every backend implements just this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks

Dialect = Literal["sockudo", "soketi", "auto"]


class QueueStats(msgspec.Struct, frozen=True):
    """Counts of one source; None where the backend cannot say cheaply.

    Attributes:
        ready: Jobs that could be claimed now, the server's own list included.
        leased: Jobs that an owner holds.
        delayed: Jobs that wait for their time.
        dead: Dead letters.
        oldest_seconds: Age of the oldest ready job.
        evicted: Jobs that a bounded backend threw away to make room, since it started.
    """

    ready: int | None = None
    leased: int | None = None
    delayed: int | None = None
    dead: int | None = None
    oldest_seconds: float | None = None
    evicted: int = 0


class DeadLetter(msgspec.Struct, frozen=True):
    """A job that will not be tried again.

    Attributes:
        id: The job's id.
        payload: Its bytes, as enqueued.
        reason: Why it is here, one line.
        died_at_ms: Unix time of the backend's clock, milliseconds.
        attempt: Attempts that were charged.
        state: The state of its last settlement.
        crashes: How many owners crashed while it was at work.
    """

    id: str
    payload: bytes
    reason: str
    died_at_ms: int
    attempt: int
    state: bytes = b""
    crashes: int = 0


class DeadPage(msgspec.Struct, frozen=True):
    """Dead letters, oldest first.

    Attributes:
        letters: Of this page.
        cursor: Continues behind this page; None: that was all.
        unseen: Letters that cannot be shown now, because another process holds them (SQS).
    """

    letters: list[DeadLetter]
    cursor: str | None
    unseen: int = 0


class Heartbeat(msgspec.Struct, frozen=True):
    """What a host of the fleet left in the backend.

    Attributes:
        name: The host's, unique in its fleet.
        document: As it wrote it.
        age_seconds: Since then, by the backend's clock.
    """

    name: str
    document: bytes
    age_seconds: float


class Source(ABC):
    """One queue in one wire format.

    Every verb is one atomic step on the backend and safe to repeat after a network error.
    False in a result is normal: the lease was no longer the caller's.
    Durations go in; deadlines are computed with the backend's clock.

    Raises (every verb):
        BackendUnavailable: try again.
        BackendRefused: do not.
    """

    #: Shown to humans and used as a metric label; for Redis the key or base key.
    name: str
    #: How the payload is to be read.
    dialect: Dialect

    @abstractmethod
    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """Lease up to ``limit`` jobs to ``owner``; wait up to ``wait_seconds`` for the first.

        The attempt is charged here. May return fewer, or none, early. Cancelling it loses nothing:
        what was claimed for a cancelled call is given back by ``reclaim``.
        """

    @abstractmethod
    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """End leases. True where the lease was the caller's and the settlement took effect.

        Raises:
            SettlementRefused: some were refused; it has the results of the others.
        """

    @abstractmethod
    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """Make the leases end ``seconds`` from now. False: that lease is no longer the caller's."""

    @abstractmethod
    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """Make ready again what a dead ``owner`` held; None: what has expired, of anybody.

        A job given back this way was interrupted, not failed: its attempt is refunded. ``crashes``
        grows for those whose mark (``job_mark.mark_of``) is ``blamed``: they were at work when the
        owner was seen to end in a way that speaks against them. What only waited is not blamed, nor
        is a lease that expired (its owner may have been frozen, or cut off).
        Also makes due delayed jobs ready. Bounded work a call; returns how many leases it ended
        (call again until 0 when ``owner`` is given).
        """

    @abstractmethod
    async def stats(self) -> QueueStats:
        """Cheap counts."""

    @abstractmethod
    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """Put jobs in, as a producer would, in order. Returns their ids."""

    @abstractmethod
    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """One page of dead letters, oldest first, from ``cursor`` (None: from the start)."""

    @abstractmethod
    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """Make dead letters ready again for a first attempt. False: no such dead letter.

        The state of the last settlement stays: it says which targets are still owed.

        Args:
            ids: Of the letters.
            payloads: By id: what goes back in the place of the bytes that were kept.
        """

    @abstractmethod
    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """Remove dead letters for good. False: no such dead letter."""

    @abstractmethod
    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """Remove the oldest dead letters beyond a number, and those beyond an age, for good.

        Bounded work a call: call again until 0.

        Args:
            most: How many are kept; 0: no limit.
            older_than_seconds: Since their death; 0: no limit.

        Returns:
            How many were removed.
        """


class Driver(ABC):
    """A connection to one backend. Opened after the fork by its process, in its loop."""

    #: "memory", "redis", … as in ``queue.driver``.
    name: str
    #: Filled by ``open``.
    sources: list[Source]

    @abstractmethod
    async def open(self) -> None:
        """Connect and open the sources.

        Raises:
            BackendUnavailable: nothing answers; the text says where.
            BackendRefused: it answers, and says no.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. Safe to call twice, and after a failed ``open``."""

    async def heartbeat(self, name: str, document: bytes, expiry_seconds: float) -> bool:  # noqa: ARG002 - for those that can
        """Leave word for the other hosts that deliver this queue.

        Args:
            name: The host's, unique in its fleet.
            document: Small; nothing secret. Empty: the host leaves.
            expiry_seconds: A host silent for longer is lost. It is remembered for a while, then
                forgotten, by whichever host is still there.

        Returns:
            False where the backend has no place for it.

        Raises:
            BackendUnavailable: try again.
            BackendRefused: do not.
        """
        return False

    async def fleet(self) -> list[Heartbeat] | None:
        """Return what all hosts have left; None where the backend has no place for it.

        Raises as ``heartbeat``.
        """
        return None
