"""Key names, records and receipts of the Sockudo v1 list (``lua/sockudo_v1_common.lua``).

The server writes bare payloads to one list. What sockq adds stands in companion keys that share
its cluster slot and do not match ``PREFIX:queue:*``, which a stopping 4.x server deletes.

What one claim leases stands in a list of its own until the last of it is settled: the payloads of
jobs that were acked meanwhile take up memory until then, at most those of that one claim. It is
what makes claims and acks cheap: a job is moved once, and an ack changes one digit.
"""

from __future__ import annotations

import os
import time
from typing import Final

import msgspec

from sockq.drivers.job import Lease

#: Added to the place in the claim, for records and for bare payloads; makes 7 digits.
_RECORD_BASE: Final = 1_000_000
BARE_BASE: Final = 2_000_000
#: Most jobs of one claim: Lua takes no more than some thousand arguments.
MOST_JOBS: Final = 1_000
PREFIX_LENGTH: Final = 25
RECEIPT_LENGTH: Final = 32
_PREFIX_HEX_OF_TIME: Final = 11
_PREFIX_RANDOM_BYTES: Final = 7


class Keys:
    """The keys of one list.

    Args:
        list_key: The server's list, verbatim. On a cluster, one with a ``}`` outside a hash tag
            cannot be served: no other key can share its slot.
    """

    def __init__(self, list_key: str) -> None:
        self.list = list_key
        self.base = f"{{{_hash_tag(list_key)}}}:sockq:"
        if _hash_tag(list_key) != list_key:  # several lists may share a tag that their prefix holds
            self.base += f"{list_key}:"
        self.intake = f"{self.base}intake"
        self.front = f"{self.base}front"
        self.ready = f"{self.base}ready"
        self.delayed = f"{self.base}delayed"
        self.deadlines = f"{self.base}deadlines"
        self.leased = f"{self.base}leased"
        self.dead = f"{self.base}dead"
        self.dead_jobs = f"{self.base}dead-jobs"

    def claims(self, owner: str) -> str:
        """The hash of the claims that ``owner`` has open: prefix to flags."""
        return f"{self.base}claims:{owner}"

    def claim(self, prefix: str) -> str:
        """The list of what one claim leased."""
        return f"{self.base}claim:{prefix}"


def _hash_tag(key: str) -> str:
    """What Redis Cluster hashes: between the first ``{`` and the next ``}``, else the whole key."""
    _, brace, rest = key.partition("{")
    tag, end, _ = rest.partition("}")
    return tag if brace and end and tag else key


class Record(msgspec.Struct, frozen=True, gc=False):
    """A job that sockq has touched; ``attempt`` counts the charges before the present lease."""

    id: str
    payload: bytes
    attempt: int = 0
    crashes: int = 0
    state: bytes = b""
    reason: str = ""


def encode(record: Record) -> bytes:
    """Return the stored form of a record."""
    id_, reason = record.id.encode(), record.reason.encode()
    numbers = len(id_), len(record.state), len(reason), record.attempt, record.crashes
    return b"r1 %d %d %d %d %d;" % numbers + id_ + record.state + reason + record.payload


def decode(stored: bytes) -> Record:
    """Read a record's stored form. Any payload bytes survive."""
    head, _, rest = stored.partition(b";")
    id_length, state_length, reason_length, attempt, crashes = map(int, head.split(b" ")[1:])
    state_at = id_length
    reason_at = state_at + state_length
    payload_at = reason_at + reason_length
    return Record(
        id=rest[:state_at].decode(),
        payload=rest[payload_at:],
        attempt=attempt,
        crashes=crashes,
        state=rest[state_at:reason_at],
        reason=rest[reason_at:payload_at].decode(errors="replace"),
    )


class Prefixes:
    """Makes the prefix of each claim's receipts: unique among all processes, growing within one."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """Return 25 hex digits: milliseconds, never twice the same here, and 56 random bits."""
        self._last = max(self._last + 1, time.time_ns() // 1_000_000)
        random = os.urandom(_PREFIX_RANDOM_BYTES).hex()
        return f"{self._last:0{_PREFIX_HEX_OF_TIME}x}{random}"


def leases_of(prefix: str, owner: str, records: list[bytes], payloads: list[bytes]) -> list[Lease]:
    """Return what one claim leased, records first, in the order of the receipts."""
    first = BARE_BASE + 1 + len(records)
    leases = [
        Lease(receipt, payload, 1, receipt, owner)
        for receipt, payload in zip(
            [f"{prefix}{n}" for n in range(first, first + len(payloads))], payloads, strict=True
        )
    ]
    if records:
        leases[:0] = [
            Lease(
                id=record.id,
                payload=record.payload,
                attempt=record.attempt + 1,
                receipt=f"{prefix}{n}",
                owner=owner,
                state=record.state,
                crashes=record.crashes,
            )
            for n, record in enumerate(map(decode, records), _RECORD_BASE + 1)
        ]
    return leases
