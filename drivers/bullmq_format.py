"""Names, ids and receipts of soketi's BullMQ 1.x queues (``lua/bullmq_common.lua``). Pure.

soketi has one queue for each kind of event, all with the same prefix. A job's id counts within its
queue and starts again when Redis loses its data, so the id that sockq shows holds the queue and the
time of the job too.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from sockq.drivers.job import Lease
from sockq.drivers.sockudo_v1_format import Prefixes

#: In the order in which soketi registers them.
QUEUES: Final = (
    "client_event_webhooks",
    "member_added_webhooks",
    "member_removed_webhooks",
    "channel_vacated_webhooks",
    "channel_occupied_webhooks",
    "cache_miss_webhooks",
)
_SHOWN_ID: Final = re.compile(r"(\w+_webhooks):(\d+)@(\d+)", re.ASCII)
_FIRST_EVENT: Final = re.compile(rb'"events"\s*:\s*\[\s*\{\s*"name"\s*:\s*"(\w+)"')
_CLAIMED_FIELDS: Final = 7
#: What SQS takes as the name of a group.
_GROUP: Final = re.compile(r"[!-~]{1,128}")


class JobKey(NamedTuple):
    """Where a job is: number of its queue (from 1; 0: unknown), id there, time or nothing."""

    number: int
    job_id: str
    timestamp: str


class Receipt(NamedTuple):
    """A receipt taken apart; see ``claimed``."""

    number: str
    order: str
    job_id: str
    token: str


def key_base(prefix: str) -> str:
    """Return what stands before ``:QUEUE:`` in every key: the prefix less one trailing colon."""
    return prefix.removesuffix(":")


def wait_keys(prefix: str) -> list[str]:
    """Return the list of ready jobs of each queue."""
    return [f"{key_base(prefix)}:{queue}:wait" for queue in QUEUES]


def never_key(prefix: str) -> str:
    """Return a key that nobody writes, beside the others: see ``lua/bullmq_common.lua``."""
    return f"{key_base(prefix)}:sockq:never"


def has_hash_tag(prefix: str) -> bool:
    """Whether a Redis Cluster keeps all keys of a prefix in one slot."""
    _, brace, rest = prefix.partition("{")
    tag, end, _ = rest.partition("}")
    return bool(brace and end and tag)


def shown_id(number: int, job_id: str, timestamp: str) -> str:
    """Return the id of a job for users and receivers; one that a producer chose stays as it is."""
    if job_id.isascii() and job_id.isdigit():
        return f"{QUEUES[number - 1]}:{job_id}@{timestamp}"
    return job_id


def find_id(shown: str) -> JobKey:
    """Return what ``shown_id`` was made of."""
    found = _SHOWN_ID.fullmatch(shown)
    if found is None or found[1] not in QUEUES:
        return JobKey(0, shown, "")
    return JobKey(QUEUES.index(found[1]) + 1, found[2], found[3])


def queue_number(payload: bytes) -> int:
    """Return the number of the queue that soketi puts a job in: that of its first event."""
    found = _FIRST_EVENT.search(payload)
    queue = f"{found[1].decode()}_webhooks" if found else ""
    return QUEUES.index(queue) + 1 if queue in QUEUES else 1


def message_group(payload: bytes) -> str | None:
    """Return the group that soketi sends a job in on SQS; None where SQS would not take it."""
    try:
        app_id = json.loads(payload)["appId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    group = f"{app_id}_{QUEUES[queue_number(payload) - 1]}"
    return group if _GROUP.fullmatch(group) else None


def job_options(job_id: str | None, delay_ms: int) -> str:
    """Return the options that soketi gives its jobs."""
    options: dict[str, object] = {
        "backoff": {"delay": 1000, "type": "exponential"},
        "removeOnFail": True,
        "removeOnComplete": True,
        "delay": delay_ms,
        "attempts": 6,
    }
    if job_id is not None:
        options["jobId"] = job_id
    return json.dumps(options, separators=(",", ":"))


class Tokens:
    """Makes the value of the locks of each claim: unique, and naming the owner."""

    def __init__(self) -> None:
        self._prefixes = Prefixes()

    def next(self, owner: str) -> str:
        """Return ``sockq:``, 25 hex digits that grow with time, ``:`` and the owner."""
        return f"sockq:{self._prefixes.next()}:{owner}"


def text(raw: bytes) -> str:
    """Decode an id so that ``job_mark.id_bytes`` gives the same bytes."""
    return raw.decode(errors="surrogateescape")


def claimed(token: str, owner: str, flat: list[bytes | int]) -> list[Lease]:
    """Return what one claim leased.

    A receipt is ``NUMBER:ORDER:LENGTH:ID TOKEN`` without the space: queue, place within the claim,
    length of the job's id.
    """
    leases = []
    for order, at in enumerate(range(0, len(flat), _CLAIMED_FIELDS)):
        number, raw_id, payload, timestamp, attempt, crashes, state = flat[
            at : at + _CLAIMED_FIELDS
        ]
        assert isinstance(number, int)
        assert isinstance(raw_id, bytes)
        assert isinstance(payload, bytes)
        assert isinstance(timestamp, bytes)
        assert isinstance(attempt, int)
        assert isinstance(crashes, int)
        assert isinstance(state, bytes)
        job_id = text(raw_id)
        leases.append(
            Lease(
                id=shown_id(number, job_id, text(timestamp)),
                payload=payload,
                attempt=attempt,
                receipt=f"{number}:{order:05d}:{len(job_id)}:{job_id}{token}",
                owner=owner,
                state=state,
                crashes=crashes,
            )
        )
    return leases


def read_receipt(receipt: str) -> Receipt | None:
    """Take a receipt apart; None: it is none of ours."""
    parts = receipt.split(":", 3)
    if len(parts) != 4 or not parts[2].isdigit() or parts[0] not in _NUMBERS:  # noqa: PLR2004 - as split
        return None
    number, order, length, rest = parts
    return Receipt(number, order, rest[: int(length)], rest[int(length) :])


_NUMBERS: Final = frozenset(str(n + 1) for n in range(len(QUEUES)))
