"""The list that Sockudo servers up to 4.x write, with the leases and retries that it lacks.

The list has no ids, leases or delays: all that sockq needs stands in companion keys (``Keys``).
What stands in the server's list is taken into our own intake by every claim and sweep, all of it
and not only what can be worked on now: a clean stop of any 4.x server deletes that list.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.settings import LeaseSettings
from sockq.drivers.sockudo_v1_format import (
    BARE_BASE,
    Keys,
    Prefixes,
    Record,
    decode,
    encode,
    leases_of,
)
from sockq.drivers.sockudo_v1_settling import CHUNK, delay_ms, settle_calls
from sockq.drivers.sockudo_v1_waiting import Waiting
from sockq.drivers.source import DeadLetter, DeadPage, Dialect, QueueStats, Source

#: Steps of at most 1,000 jobs each that one call takes from the server's list.
_CUSTODY_STEPS: Final = 100
#: Leases that one script call gives back, and expired entries that one sweep looks at.
_RECLAIM_CHUNK: Final = 500
_EXPIRED_CHUNK: Final = 1_000
#: Owners that ``stats`` counts.
_MOST_OWNERS: Final = 1_000
#: Bytes of payload that one enqueueing command carries, more for a single larger job.
_ENQUEUE_BYTES: Final = 4 * 1024 * 1024


class SockudoV1Source(Source):
    """One list key.

    Args:
        client: The connection; closed by who opened it.
        list_key: The server's list, verbatim.
        lease: Lease length and number of dead letters kept.
    """

    dialect: Dialect = "sockudo"

    def __init__(self, client: RedisClient, list_key: str, lease: LeaseSettings) -> None:
        self.name = list_key
        self.keys = Keys(list_key)
        self._client = client
        self._scripts = LuaScripts(client)
        self._lease = lease
        self._prefixes = Prefixes()
        self._waiting = Waiting(client, self.keys)
        self._intake_has_the_turn = False

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source.claim``. With jobs of both kinds, half are touched ones and half fresh.

        An answer that is lost (cancelled call, broken connection) leaves its jobs leased; they
        come back when that lease ends or its owner is reclaimed.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            leases, next_due_seconds = await self._claim_now(limit, owner)
            left = deadline - time.monotonic()
            if leases:
                self._waiting.note_activity()
                return leases
            if left <= 0:
                return []
            await self._waiting.wait(left, next_due_seconds)

    async def _claim_now(self, limit: int, owner: str) -> tuple[list[Lease], float | None]:
        keys, prefix = self.keys, self._prefixes.next()
        records, payloads, more, next_due_ms = await self._scripts.run(
            _CLAIM,
            (
                keys.list,
                keys.intake,
                keys.ready,
                keys.delayed,
                keys.deadlines,
                keys.owners,
                keys.leased(owner),
            ),
            (
                limit,
                delay_ms(self._lease.lease_seconds),
                prefix,
                owner,
                int(self._intake_has_the_turn),
            ),
        )
        # Only claims of a single job cannot take both kinds at once; they take turns.
        self._intake_has_the_turn = limit == 1 and bool(records)
        if more:
            await self._take_custody()
        next_due_seconds = None if next_due_ms < 0 else next_due_ms / 1000
        return leases_of(prefix, owner, records, payloads), next_due_seconds

    async def _take_custody(self) -> None:
        for _ in range(_CUSTODY_STEPS):
            if not await self._scripts.run(_CUSTODY, (self.keys.list, self.keys.intake), ()):
                return

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        keys = self.keys
        results = [False] * len(settlements)
        for call in settle_calls(settlements):
            answer = await self._scripts.run(
                _SETTLE,
                (
                    keys.leased(call.owner),
                    keys.ready,
                    keys.delayed,
                    keys.dead,
                    keys.dead_jobs,
                    keys.counters,
                ),
                (self._lease.dead_limit, *call.args),
            )
            if answer == 1 and len(call.indexes) == len(results):
                return [True] * len(results)
            for index, done in zip(call.indexes, _each(answer, len(call.indexes)), strict=True):
                results[index] = done
        return results

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``."""
        results = [False] * len(leases)
        by_owner: dict[str, list[int]] = {}
        for index, lease in enumerate(leases):
            by_owner.setdefault(lease.owner, []).append(index)
        for owner, all_indexes in by_owner.items():
            for indexes in _chunks(all_indexes, _RECLAIM_CHUNK):
                answer = await self._scripts.run(
                    _EXTEND,
                    (self.keys.leased(owner), self.keys.deadlines),
                    (owner, delay_ms(seconds), *[leases[i].receipt for i in indexes]),
                )
                for index, held in zip(indexes, _each(answer, len(indexes)), strict=True):
                    results[index] = held
        return results

    async def reclaim(self, owner: str | None) -> int:
        """See ``Source.reclaim``. The jobs go to the front of the ready ones, in claim order."""
        if owner is not None:
            return await self._give_back(owner, [])
        keys = self.keys
        more, expired = await self._scripts.run(
            _SWEEP,
            (keys.list, keys.intake, keys.ready, keys.delayed, keys.deadlines),
            (_EXPIRED_CHUNK,),
        )
        if more:
            await self._take_custody()
        by_owner: dict[str, list[bytes]] = {}
        for member in expired:
            by_owner.setdefault(_owner_of(member), []).append(member)
        return sum([await self._give_back(*item) for item in by_owner.items()])

    async def _give_back(self, owner: str, expired: list[bytes]) -> int:
        keys = self.keys
        ended: int = await self._scripts.run(
            _RECLAIM,
            (keys.leased(owner), keys.ready, keys.deadlines, keys.owners),
            (owner, _RECLAIM_CHUNK, *expired),
        )
        return ended

    async def stats(self) -> QueueStats:
        """See ``Source.stats``. The age comes from the ``time_ms`` of the jobs at the heads."""
        keys = self.keys
        owners = await self._client.command("ZRANGE", keys.owners, 0, _MOST_OWNERS - 1)
        ready, leased, delayed, dead, oldest_ms = await self._scripts.run(
            _STATS,
            (
                keys.list,
                keys.intake,
                keys.ready,
                keys.delayed,
                keys.dead,
                *[keys.leased(owner.decode()) for owner in owners],
            ),
            (),
        )
        oldest_seconds = None if oldest_ms < 0 else oldest_ms / 1000
        return QueueStats(ready, leased, delayed, dead, oldest_seconds)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """See ``Source.enqueue``.

        A job without an id and delay goes to the server's list exactly as a server puts it there.
        That format has no ids: what is returned for it is its place, ``KEY[17]``, and it gets its
        id when it is claimed. A job with an id of its own joins the jobs that are ready again.
        Repeating a call whose answer was lost adds the jobs twice.
        """
        if delay_seconds > 0:
            return await self._enqueue_records(jobs, delay_seconds)
        ids: list[str] = []
        plain: list[NewJob] = []
        for job in jobs:
            if job.id is None:
                plain.append(job)
                continue
            ids += await self._push_plain(plain)
            plain = []
            ids += await self._enqueue_records([job], 0.0)
        return ids + await self._push_plain(plain)

    async def _push_plain(self, jobs: list[NewJob]) -> list[str]:
        places: list[str] = []
        for payloads in _by_size([job.payload for job in jobs]):
            length = await self._client.command("RPUSH", self.keys.list, *payloads)
            places += [f"{self.name}[{n}]" for n in range(length - len(payloads), length)]
        return places

    async def _enqueue_records(self, jobs: Sequence[NewJob], delay_seconds: float) -> list[str]:
        prefix = self._prefixes.next()
        receipts = [f"{prefix}{BARE_BASE + n}" for n in range(len(jobs))]
        ids = [job.id or receipt for job, receipt in zip(jobs, receipts, strict=True)]
        records = [encode(Record(id_, job.payload)) for id_, job in zip(ids, jobs, strict=True)]
        if delay_seconds <= 0:
            for chunk in _by_size(records):
                await self._client.command("RPUSH", self.keys.ready, *chunk)
            return ids
        members = [r.encode() + record for r, record in zip(receipts, records, strict=True)]
        for chunk in _by_size(members):
            await self._scripts.run(_DELAY, (self.keys.delayed,), (delay_ms(delay_seconds), *chunk))
        return ids

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``. The cursor is the time and id of the last letter seen."""
        died_at_ms, _, last_id = (cursor or "").partition(":")
        *flat, more = await self._scripts.run(
            _DEAD_PAGE, (self.keys.dead, self.keys.dead_jobs), (limit, died_at_ms, last_id)
        )
        letters = [
            _letter(id_, died, stored)
            for id_, died, stored in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ]
        if not more or not letters:
            return DeadPage(letters, None)
        return DeadPage(letters, f"{letters[-1].died_at_ms}:{letters[-1].id}")

    async def replay(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.replay``. The jobs go behind those that are ready."""
        keys = self.keys
        return await self._for_each_id(_REPLAY, (keys.dead, keys.dead_jobs, keys.ready), ids)

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""
        return await self._for_each_id(_DROP, (self.keys.dead, self.keys.dead_jobs), ids)

    async def _for_each_id(
        self, script: Any, keys: Sequence[str], ids: Sequence[str]
    ) -> list[bool]:
        results: list[bool] = []
        for chunk in _chunks(ids, CHUNK):
            results += map(bool, await self._scripts.run(script, keys, chunk))
        return results


_CLAIM: Final = load("sockudo_v1_claim")
_CUSTODY: Final = load("sockudo_v1_custody")
_DEAD_PAGE: Final = load("sockudo_v1_dead_page")
_DELAY: Final = load("sockudo_v1_delay")
_DROP: Final = load("sockudo_v1_drop")
_EXTEND: Final = load("sockudo_v1_extend")
_RECLAIM: Final = load("sockudo_v1_reclaim")
_REPLAY: Final = load("sockudo_v1_replay")
_SETTLE: Final = load("sockudo_v1_settle")
_STATS: Final = load("sockudo_v1_stats")
_SWEEP: Final = load("sockudo_v1_sweep")


def _each(answer: int | list[int], count: int) -> list[bool]:
    """The scripts answer 1 for "all of them", the usual case."""
    return [True] * count if isinstance(answer, int) else [bool(done) for done in answer]


def _owner_of(member: bytes) -> str:
    """The owner in a member of the deadlines: behind a claim's prefix or a receipt."""
    return member[26 if member.startswith(b"b") else 33 :].decode()


def _letter(id_: bytes, died_at_ms: bytes, stored: bytes) -> DeadLetter:
    record = decode(stored)
    return DeadLetter(
        id=id_.decode(),
        payload=record.payload,
        reason=record.reason,
        died_at_ms=int(died_at_ms),
        attempt=record.attempt,
        state=record.state,
        crashes=record.crashes,
    )


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def _by_size(payloads: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Cut into commands of bounded size."""
    chunk: list[bytes] = []
    size = 0
    for payload in payloads:
        if chunk and (size + len(payload) > _ENQUEUE_BYTES or len(chunk) >= 2 * CHUNK):
            yield chunk
            chunk, size = [], 0
        chunk.append(payload)
        size += len(payload)
    if chunk:
        yield chunk
