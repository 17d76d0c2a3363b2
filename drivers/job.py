"""A job as a queue sees it: bytes with an id, leased to an owner, settled in one of four ways."""

from __future__ import annotations

import msgspec


class NewJob(msgspec.Struct, frozen=True, gc=False):
    """A job that is to be enqueued.

    Attributes:
        payload: The job in its dialect's JSON, as the server would write it.
        id: 1 to 512 bytes of text; None lets the source choose one.
    """

    payload: bytes
    id: str | None = None


class Lease(msgspec.Struct, frozen=True, gc=False):
    """A claimed job: proof that ``owner`` may work on it until the lease ends.

    Attributes:
        id: Stable over retries and owners; the receiver's key for dropping duplicates.
        payload: The job in its dialect's JSON, exactly the bytes that the server wrote.
        attempt: 1 on the first claim. Charged when claimed, refunded by ``Release``.
        receipt: Proof of this one claim; changes with every claim.
        owner: Who claimed it.
        state: What the last ``Retry``/``Release`` stored beside the job (opaque here), or ``b""``.
        crashes: How many owners crashed while it was at work (``Source.reclaim``).
    """

    id: str
    payload: bytes
    attempt: int
    receipt: str
    owner: str
    state: bytes = b""
    crashes: int = 0


class Ack(msgspec.Struct, frozen=True, gc=False):
    """The job is done: remove it."""

    lease: Lease


class Retry(msgspec.Struct, frozen=True, gc=False):
    """The attempt failed: ready again after ``delay_seconds``; the attempt stays charged."""

    lease: Lease
    delay_seconds: float
    state: bytes


class Dead(msgspec.Struct, frozen=True, gc=False):
    """The job will not be tried again: keep it in the dead-letter store with its reason.

    Attributes:
        payload: What is kept in the place of the job's own bytes; None: these.
    """

    lease: Lease
    reason: str
    state: bytes
    payload: bytes | None = None


class Release(msgspec.Struct, frozen=True, gc=False):
    """Give the job back unharmed: the attempt is refunded.

    Attributes:
        delay_seconds: 0 puts it at the front of the ready jobs; more makes it wait.
        state: New state, or None to keep the one it had.
    """

    lease: Lease
    delay_seconds: float = 0.0
    state: bytes | None = None


Settlement = Ack | Retry | Dead | Release
