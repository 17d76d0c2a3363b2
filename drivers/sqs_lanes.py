"""The order of a FIFO queue inside a process: of each message group, one message at a time. Pure.

SQS gives up to ten messages of one group in one receive. Here they form a lane: only its first is
handed out, and the next only when that one is gone for good. While a retry waits, it waits at the
head of its lane, and its successors behind it; SQS gives none of the group to anybody else, as
long as their visibility timeouts run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from sockq.drivers.sqs_message import Message


class Lane:
    """Messages of one group, in order.

    Attributes:
        messages: The first is the head.
        receipt: Of the lease on the head; None: it is not handed out.
        due: Monotonic time before which the head is not handed out.
    """

    __slots__ = ("due", "messages", "receipt")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.receipt: str | None = None
        self.due = 0.0

    @property
    def successors(self) -> list[Message]:
        """All behind the head."""
        return list(self.messages)[1:]


class Lanes:
    """Lanes by group."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def put(self, messages: Iterable[Message]) -> None:
        """Add what one receive brought, in its order.

        A group that comes again was given up by SQS before: its old lane is gone.
        """
        new: dict[str, Lane] = {}
        for message in messages:
            group = message.group or ""
            if group not in new:
                self._lanes.pop(group, None)
                new[group] = Lane()
            new[group].messages.append(message)
        self._lanes |= new

    def ready(self, limit: int, now: float) -> list[Lane]:
        """Up to ``limit`` lanes whose head may be handed out now, longest untouched first."""
        found: list[Lane] = []
        for lane in self._lanes.values():
            if len(found) >= limit:
                break
            if lane.receipt is None and lane.due <= now:
                found.append(lane)
        return found

    def next_due(self, now: float) -> float | None:
        """When the next waiting head is due; None: none waits."""
        waiting = [x.due for x in self._lanes.values() if x.receipt is None and x.due > now]
        return min(waiting, default=None)

    def hand_out(self, lane: Lane, receipt: str) -> None:
        """The head is leased. The lane goes behind the others."""
        lane.receipt = receipt
        group = lane.messages[0].group or ""
        self._lanes[group] = self._lanes.pop(group, lane)

    def of(self, group: str | None, receipt: str) -> Lane | None:
        """The lane whose head is leased with ``receipt``."""
        lane = self._lanes.get(group or "")
        return lane if lane is not None and lane.receipt == receipt else None

    def advance(self, lane: Lane) -> None:
        """The head is gone for good."""
        message = lane.messages.popleft()
        lane.receipt = None
        if not lane.messages:
            self._remove(message.group, lane)

    def hold(self, lane: Lane, due: float) -> None:
        """The head waits until ``due``, monotonic, and all behind it too."""
        lane.receipt = None
        lane.due = due

    def drop(self, lane: Lane) -> None:
        """The group goes back to SQS."""
        self._remove(lane.messages[0].group, lane)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def _remove(self, group: str | None, lane: Lane) -> None:
        if self._lanes.get(group or "") is lane:
            del self._lanes[group or ""]
