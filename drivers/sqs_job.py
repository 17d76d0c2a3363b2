"""A settlement on its way, and small steps between leases, messages and the book."""

from __future__ import annotations

import time

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Lease, Release, Retry, Settlement
from sockq.drivers.sqs_journal import Entry, Kind
from sockq.drivers.sqs_lanes import Lane
from sockq.drivers.sqs_message import Message


class Job:
    """One settlement on its way.

    Attributes:
        settlement: What is asked.
        lease: Its lease.
        entry: What the book says of it.
        lane: The lane that it heads, on a FIFO queue.
        outcome: Whether it took effect, or why that is not known yet.
    """

    __slots__ = ("entry", "lane", "lease", "outcome", "settlement")

    def __init__(self, settlement: Settlement, held: Entry, lane: Lane | None) -> None:
        self.settlement = settlement
        self.lease: Lease = settlement.lease
        self.entry = held
        self.lane = lane
        self.outcome: bool | SockqError = False


def waiting(message: Message, kind: Kind = "waiting") -> Entry:
    """The entry of a message that waits in its process, not handed out."""
    return Entry(
        message.handle,
        kind,
        message.deadline,
        message.message_id,
        message.receives,
        message.group,
        message.recorded,
        unexplained=message.unexplained,
    )


def handle_of(receipt: str) -> str:
    """The receipt handle in a lease's receipt: all but the count of its hand-outs."""
    return receipt.rpartition("|")[0] or receipt


def waits(job: Job) -> tuple[float, int, bytes]:
    """How long a job waits, what is charged, and its state."""
    match job.settlement:
        case Retry(lease=lease, delay_seconds=delay, state=state):
            return delay, lease.attempt, state
        case Release(lease=lease, delay_seconds=delay, state=state):
            return delay, lease.attempt - 1, lease.state if state is None else state
        case _:
            raise AssertionError("this settlement ends the job")


def due_ms(delay_seconds: float) -> int:
    """Unix time at which a delay is over; 0: there is none."""
    return int((time.time() + delay_seconds) * 1000) if delay_seconds > 0 else 0
