"""What MemoryDriver and the broker say to each other: length-prefixed msgpack over a Unix socket.

A frame is a 32-bit big-endian length and that many bytes. A call is one tagged array; its answer
is a status byte followed by the result (``OK``) or a sentence. Calls of one connection are answered
in order; ``Got`` alone has no answer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from sockq.drivers.job import Ack, Dead, NewJob, Retry, Settlement

MAX_FRAME_BYTES = 64 << 20
#: Longest path that every system takes for a Unix socket.
MAX_PATH_BYTES = 100

OK, REFUSED, UNAVAILABLE = 0, 1, 2

_LENGTH = struct.Struct(">I")


class FrameTooLargeError(ValueError):
    """A frame is longer than MAX_FRAME_BYTES."""


class _Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all calls."""


class ClaimCall(_Call, frozen=True, tag="claim", gc=False):
    """Answer: list[Lease], to be confirmed by ``Got`` unless empty."""

    limit: int
    wait_seconds: float
    owner: str


class Got(_Call, frozen=True, tag="got", gc=False):
    """The leases of the last claim have reached their owner."""


class Ending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A settlement without its lease's payload."""

    kind: Literal["ack", "retry", "dead", "release"]
    receipt: str
    delay_seconds: float = 0.0
    state: bytes | None = None
    reason: str = ""
    payload: bytes | None = None


class SettleCall(_Call, frozen=True, tag="settle", gc=False):
    """Answer: list[bool]."""

    endings: list[Ending]


class ExtendCall(_Call, frozen=True, tag="extend", gc=False):
    """Answer: list[bool]."""

    receipts: list[str]
    seconds: float


class ReclaimCall(_Call, frozen=True, tag="reclaim", gc=False):
    """Answer: int."""

    owner: str | None
    blamed: list[str] = []


class StatsCall(_Call, frozen=True, tag="stats", gc=False):
    """Answer: QueueStats."""


class EnqueueCall(_Call, frozen=True, tag="enqueue", gc=False):
    """Answer: list[str]."""

    jobs: list[NewJob]
    delay_seconds: float


class DeadLettersCall(_Call, frozen=True, tag="dead_letters", gc=False):
    """Answer: DeadPage."""

    cursor: str | None
    limit: int


class ReplayCall(_Call, frozen=True, tag="replay", gc=False):
    """Answer: list[bool]."""

    ids: list[str]
    payloads: dict[str, bytes]


class DropCall(_Call, frozen=True, tag="drop", gc=False):
    """Answer: list[bool]."""

    ids: list[str]


class TrimDeadCall(_Call, frozen=True, tag="trim_dead", gc=False):
    """Answer: int."""

    most: int
    older_than_seconds: float


#: Calls that are one step on the store.
StoreCall = (
    SettleCall
    | ExtendCall
    | ReclaimCall
    | StatsCall
    | EnqueueCall
    | DeadLettersCall
    | ReplayCall
    | DropCall
    | TrimDeadCall
)
Call = ClaimCall | Got | StoreCall

encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode


def ending(settlement: Settlement) -> Ending:
    """Return what the broker has to know of a settlement."""
    receipt = settlement.lease.receipt
    if isinstance(settlement, Ack):
        return Ending("ack", receipt)
    if isinstance(settlement, Retry):
        return Ending("retry", receipt, settlement.delay_seconds, settlement.state)
    if isinstance(settlement, Dead):
        return Ending("dead", receipt, 0.0, settlement.state, settlement.reason, settlement.payload)
    return Ending("release", receipt, settlement.delay_seconds, settlement.state)


def frame(*parts: bytes) -> bytes:
    """Return the parts as one frame.

    Raises:
        FrameTooLargeError: together they are too long.
    """
    length = sum(map(len, parts))
    if length > MAX_FRAME_BYTES:
        raise FrameTooLargeError(f"{length} bytes are more than one message may hold")
    return b"".join((_LENGTH.pack(length), *parts))


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what has arrived and yield the frames that are complete now.

        Raises:
            FrameTooLargeError: the peer announces a frame that is too long.
        """
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise FrameTooLargeError(f"a message of {length} bytes was announced")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield bytes(memoryview(self._buffer)[start + _LENGTH.size : end])
            start = end
        del self._buffer[:start]
