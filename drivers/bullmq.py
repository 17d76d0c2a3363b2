"""The six BullMQ 1.x queues that soketi writes under one prefix, as one source.

Servers, BullMQ's own workers and schedulers, and sockq may share the queues: what stands in Redis
after each step is what BullMQ 1.91 leaves (1.80 reads it too). On purpose it differs where soketi
would lose a job: a job that is given up stays in ``failed``, the dead-letter store, whatever its
``removeOnFail`` says; and the stalls that BullMQ counted are forgotten by every claim, because its
schedulers delete a job that stalled twice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sockq.drivers.batches import batches
from sockq.drivers.bullmq_format import (
    QUEUES,
    Tokens,
    claimed,
    find_id,
    job_options,
    key_base,
    never_key,
    queue_number,
    read_receipt,
    shown_id,
    text,
    wait_keys,
)
from sockq.drivers.bullmq_settling import CHUNK, lease_arguments, settle_calls
from sockq.drivers.bullmq_waiting import Waiting
from sockq.drivers.durations import whole_ms
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks, id_bytes
from sockq.drivers.lua_scripts import LuaScripts, Script, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.settings import LeaseSettings
from sockq.drivers.source import DeadLetter, DeadPage, Dialect, QueueStats, Source

#: Leases that one script call gives back.
_RECLAIM_CHUNK: Final = 500
#: BullMQ's default: a job of other workers that stalls more often is a dead letter.
_MOST_STALLS: Final = 1
#: Bytes of payload that one enqueueing command carries, more for a single larger job.
_ENQUEUE_BYTES: Final = 4 * 1024 * 1024
_LETTER_FIELDS: Final = 9


class BullmqSource(Source):
    """All queues of one prefix.

    One lock each keeps a leased job, as with BullMQ; its value names the owner.

    Args:
        client: The connection; closed by who opened it.
        prefix: soketi's ``database.redis.keyPrefix``, verbatim.
        lease: Lease length.
    """

    dialect: Dialect = "soketi"

    def __init__(self, client: RedisClient, prefix: str, lease: LeaseSettings) -> None:
        self.name = f"{key_base(prefix)}:*_webhooks"
        self._keys = wait_keys(prefix)
        self._never = never_key(prefix)
        self._all_keys = [*self._keys, self._never]
        self._client = client
        self._scripts = LuaScripts(client)
        self._lease = lease
        self._tokens = Tokens()
        self._first = 0
        self._streams = [f"{key_base(prefix)}:{queue}:events" for queue in QUEUES]

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source.claim``. The queues get equal shares; each claim starts with another one.

        An answer that is lost (cancelled call, broken connection) leaves its jobs leased; they
        come back when that lease ends or its owner is reclaimed.
        """
        deadline = time.monotonic() + wait_seconds
        waiting = Waiting(self._client, self._streams)
        while True:
            token = self._tokens.next(owner)
            self._first = self._first % len(self._keys) + 1
            jobs, next_due_ms, last_events = await self._scripts.run(
                _CLAIM,
                self._all_keys,
                (limit, whole_ms(self._lease.lease_seconds), id_bytes(token), self._first),
            )
            left = deadline - time.monotonic()
            if jobs or left <= 0:
                return claimed(token, owner, jobs)
            next_due_seconds = None if next_due_ms < 0 else next_due_ms / 1000
            await waiting.wait(last_events, left, next_due_seconds)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        results = [False] * len(settlements)
        for call in settle_calls(settlements):
            answer = await self._scripts.run(_SETTLE, self._all_keys, call.args)
            if answer == 1 and len(call.indexes) == len(results):
                return [True] * len(results)
            for index, done in zip(call.indexes, _each(answer, len(call.indexes)), strict=True):
                results[index] = done
        return results

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``."""
        results = [False] * len(leases)
        receipts = [(index, read_receipt(lease.receipt)) for index, lease in enumerate(leases)]
        for chunk in batches([(i, receipt) for i, receipt in receipts if receipt], CHUNK):
            flat = [arg for _, receipt in chunk for arg in lease_arguments(receipt)]
            answer = await self._scripts.run(_EXTEND, self._all_keys, (whole_ms(seconds), *flat))
            for (index, _), held in zip(chunk, _each(answer, len(chunk)), strict=True):
                results[index] = held
        return results

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """See ``Source.reclaim``. The jobs go to the front of the ready ones, in claim order.

        None also does BullMQ's check for stalled jobs of other workers, in turn with its own
        schedulers: twice a minute at most, and a job comes back at the second check that finds it
        active without a lock.
        """
        ended = 0
        for key in self._keys:
            if owner is None:
                ended += await self._scripts.run(
                    _SWEEP, (key, self._never), (_RECLAIM_CHUNK, _MOST_STALLS)
                )
            else:
                args = id_bytes(owner), _RECLAIM_CHUNK, "".join(blamed)
                ended += await self._scripts.run(_RECLAIM, (key, self._never), args)
        return ended

    async def stats(self) -> QueueStats:
        """See ``Source.stats``. Jobs of paused queues count as delayed."""
        ready, leased, delayed, dead, oldest_ms = await self._scripts.run(
            _STATS, self._all_keys, ()
        )
        oldest_seconds = None if oldest_ms < 0 else oldest_ms / 1000
        return QueueStats(ready, leased, delayed, dead, oldest_seconds)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """See ``Source.enqueue``. A job goes to the queue of its first event, as with soketi.

        Repeating a call whose answer was lost adds jobs without an id twice.
        """
        ids: dict[int, str] = {}
        after_ms = whole_ms(delay_seconds)
        numbers = [queue_number(job.payload) for job in jobs]
        for number in sorted(set(numbers)):
            own = [index for index, of in enumerate(numbers) if of == number]
            for chunk in batches(
                own, CHUNK, size=lambda index: len(jobs[index].payload), most_bytes=_ENQUEUE_BYTES
            ):
                args: list[str | bytes | int] = [after_ms]
                for index in chunk:
                    job = jobs[index]
                    args += job.id or "", job_options(job.id, after_ms), job.payload
                flat = await self._scripts.run(
                    _ENQUEUE, (self._keys[number - 1], self._never), args
                )
                for index, job_id, added_at in zip(chunk, flat[::2], flat[1::2], strict=True):
                    ids[index] = shown_id(number, text(job_id), text(added_at))
        return [ids[index] for index in range(len(jobs))]

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``: the ``failed`` jobs of all queues, by whomever.

        The cursor is time, queue and id of the last one seen.
        """
        died_at_ms, _, rest = (cursor or "").partition(":")
        number, _, last_id = rest.partition(":")
        args = limit, died_at_ms, number or 0, id_bytes(last_id)
        flat, end = await self._scripts.run(_DEAD_PAGE, self._all_keys, args)
        letters = [
            _letter(flat[at : at + _LETTER_FIELDS]) for at in range(0, len(flat), _LETTER_FIELDS)
        ]
        return DeadPage(letters, f"{end[0].decode()}:{end[1]}:{text(end[2])}" if end else None)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``. The jobs go behind those that are ready."""
        return await self._for_each_id(_REPLAY, ids, payloads or {})

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""
        return await self._for_each_id(_DROP, ids)

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``. Counts the ``failed`` jobs of all queues together."""
        args = most, whole_ms(older_than_seconds)
        return int(await self._scripts.run(_TRIM, self._all_keys, args))

    async def _for_each_id(
        self, script: Script, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        results: list[bool] = []
        for chunk in batches(ids, CHUNK):
            args: list[bytes | int] = []
            for shown in chunk:
                key = find_id(shown)
                args += key.number, id_bytes(key.job_id), id_bytes(key.timestamp)
                if payloads is not None:
                    args.append(payloads.get(shown, b""))
            results += map(bool, await self._scripts.run(script, self._all_keys, args))
        return results


_CLAIM: Final = load("bullmq_claim")
_DEAD_PAGE: Final = load("bullmq_dead_page")
_DROP: Final = load("bullmq_drop")
_ENQUEUE: Final = load("bullmq_enqueue")
_EXTEND: Final = load("bullmq_extend")
_RECLAIM: Final = load("bullmq_reclaim")
_REPLAY: Final = load("bullmq_replay")
_SETTLE: Final = load("bullmq_settle")
_STATS: Final = load("bullmq_stats")
_SWEEP: Final = load("bullmq_sweep")
_TRIM: Final = load("bullmq_trim")


def _each(answer: int | list[int], count: int) -> list[bool]:
    """The scripts answer 1 for "all of them", the usual case."""
    return [True] * count if isinstance(answer, int) else [bool(done) for done in answer]


def _letter(fields: list[Any]) -> DeadLetter:
    number, raw_id, died_at_ms, payload, timestamp, reason, attempt, crashes, state = fields
    return DeadLetter(
        id=shown_id(number, text(raw_id), text(timestamp)),
        payload=payload,
        reason=reason.decode(errors="replace"),
        died_at_ms=int(died_at_ms),
        attempt=attempt,
        state=state,
        crashes=crashes,
    )
