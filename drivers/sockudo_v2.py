"""The queue of a Sockudo 5 server on Redis, shared with the server's own workers.

Every verb is one script over the server's 16 keys (``lua/v2_*.lua``); sockq adds no keys. What it
needs beside them travels where the server carries and ignores it: the lease token is
``owner nonce:n``, and a job's state and crashes are a last field of its stored JSON.

Clocks: lease ends and due times are unix ms. The server computes them by the clock of each of its
hosts, sockq by that of Redis, so that sockq's hosts need not agree. Where a host of the server is
some seconds off, each side sees the other's leases end that much early or late. Both extend at a
third of a lease, so an error below two thirds of one (20 s of 30 s) does no harm; behind that
stand the tokens: a lease that was taken over cannot be settled by its old owner.

Attempts: charged at each claim, by everybody. The server buries a job at its maximum; whether sockq
goes on is its own policy's decision, so a retry of sockq raises that job's maximum to what it has
had plus ``max_attempts``: a worker of the server that claims it then has its full allowance.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha1
from typing import Any, Final
from uuid import uuid4

from sockq.drivers import sockudo_v2_dead as dead
from sockq.drivers.batches import batches
from sockq.drivers.durations import whole_ms
from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.settings import LeaseSettings, ReliabilitySettings
from sockq.drivers.sockudo_v2_keys import queue_keys
from sockq.drivers.sockudo_v2_payload import envelope, event_time_ms, id_text, read_stored
from sockq.drivers.sockudo_v2_settle import dead_arguments, settle_arguments
from sockq.drivers.source import DeadPage, Dialect, QueueStats, Source

#: The longest silent wait. Producers push a hint with every job, and due times are known; this is
#: for hints that another waiter took, and for leases of others that expire.
_SLICE_SECONDS: Final = 1.0
#: The same where no job has ever been claimed by this source: there may be no such server.
_UNUSED_SLICE_SECONDS: Final = 2.5
_SHORTEST_SLICE_SECONDS: Final = 0.01
#: Leases looked at in one step of a reclaim, and how many ended leases are enough for one call.
_PAGE: Final = 500
_ENOUGH: Final = 1_000
#: Members of one script call. Lua can unpack some 8,000 values; a script gives several a member.
_LONGEST_BATCH: Final = 1_000
#: Bytes of payload of one script call, more for a single larger job.
_BATCH_BYTES: Final = 8 << 20
#: An older job is taken for one with a made-up time.
_OLDEST_SECONDS: Final = 30 * 86_400.0


class SockudoV2Source(Source):
    """One queue of Sockudo 5.

    Args:
        client: Of the Redis that holds it; not closed here.
        base: See ``sockudo_v2_keys.base_key``.
        lease: How long a claim holds.
        reliability: What the server's workers go by.
    """

    dialect: Dialect = "sockudo"

    def __init__(
        self,
        client: RedisClient,
        base: str,
        lease: LeaseSettings,
        reliability: ReliabilitySettings,
    ) -> None:
        self.name = base
        self._client = client
        self._scripts = LuaScripts(client)
        self._keys = queue_keys(base)
        self._notify_key = f"{base}:notify"
        self._lease_ms = whole_ms(lease.lease_seconds)
        self._sweep_limit = min(reliability.stalled_batch_size, _LONGEST_BATCH)
        self._reliability = reliability
        self._slice_seconds = _UNUSED_SLICE_SECONDS

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source``. Jobs that cannot be read become dead letters (``invalid-envelope``)."""
        deadline = time.monotonic() + wait_seconds
        while limit > 0:
            leases, due_seconds, broken = await self._claim_now(min(limit, _LONGEST_BATCH), owner)
            left = deadline - time.monotonic()
            if leases or broken:
                self._slice_seconds = _SLICE_SECONDS
            if leases or (left <= 0 and not broken):
                return leases
            if broken:  # there may be good ones behind them
                continue
            pause = max(min(left, due_seconds, self._slice_seconds), _SHORTEST_SLICE_SECONDS)
            hint = await self._client.blocking("BLPOP", self._notify_key, f"{pause:.3f}")
            if hint is None and pause < due_seconds and time.monotonic() >= deadline:
                return []
        return []

    async def _claim_now(self, limit: int, owner: str) -> tuple[list[Lease], float, int]:
        """Return the leases, seconds until a delayed job is due, and how many were broken."""
        prefix = f"{owner} {secrets.token_hex(8)}:"
        rules = self._reliability
        reply = await self._run(
            "v2_claim",
            prefix,
            self._lease_ms,
            limit,
            self._sweep_limit,
            rules.max_attempts,
            rules.event_retention,
        )
        leases: list[Lease] = []
        broken: list[Any] = []
        rows = zip(reply[1::3], reply[2::3], reply[3::3], strict=True)
        for number, (raw_id, raw, attempt) in enumerate(rows, 1):
            receipt = f"{prefix}{number}"
            id_ = id_text(raw_id)
            stored = read_stored(id_, raw) if id_ else None
            if id_ is None or stored is None:
                new_id = id_ or "id-" + sha1(raw_id, usedforsecurity=False).hexdigest()
                broken += dead_arguments(raw_id, receipt, "invalid-envelope", b"", new_id)
                continue
            leases.append(
                Lease(id_, stored.payload, attempt, receipt, owner, stored.state, stored.crashes)
            )
        if broken:
            await self._settle(broken)
        return leases, reply[0] / 1_000 if reply[0] >= 0 else math.inf, len(broken)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source``."""
        results: list[bool] = []
        for batch in batches(settlements, _LONGEST_BATCH):
            arguments: list[Any] = []
            for settlement in batch:
                arguments += settle_arguments(settlement)
            results += await self._settle(arguments)
        return results

    async def _settle(self, arguments: list[Any]) -> list[bool]:
        rules = self._reliability
        reply = await self._run(
            "v2_settle",
            rules.completed_retention,
            rules.event_retention,
            rules.max_attempts,
            *arguments,
        )
        return [result == 1 for result in reply]

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source``."""
        results: list[bool] = []
        for batch in batches(leases, _LONGEST_BATCH):
            pairs = [part for lease in batch for part in (lease.id, lease.receipt)]
            reply = await self._run("v2_extend", whole_ms(seconds), *pairs)
            results += [result == 1 for result in reply]
        return results

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """See ``Source``. An expired lease of a server's worker keeps its attempt charged."""
        rules = self._reliability
        if owner is None:
            swept = await self._run(
                "v2_sweep",
                self._sweep_limit,
                rules.max_attempts,
                rules.event_retention,
            )
            return int(swept)
        ended, cursor = 0, b"0"
        while True:
            cursor, count = await self._run(
                "v2_reclaim", cursor, owner, _PAGE, rules.event_retention, "".join(blamed)
            )
            ended += int(count)
            if cursor == b"0" or ended >= _ENOUGH:
                return ended

    async def stats(self) -> QueueStats:
        """See ``Source``. The age is that of the events by the producer's clock."""
        ready, leased, delayed, dead_count, now_ms, *oldest = await self._run("v2_stats")
        age: float | None = None
        if ready == 0:
            age = 0.0
        elif (happened_ms := event_time_ms(*oldest)) is not None:
            age = max(0.0, (now_ms - happened_ms) / 1_000)
            age = age if age < _OLDEST_SECONDS else None
        return QueueStats(ready, leased, delayed, dead_count, age)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """See ``Source``. Payloads must be JSON objects; an id keeps its first payload.

        Raises:
            BackendRefused: also when a payload or an id cannot be stored.
        """
        ids = [uuid4().hex if job.id is None else job.id for job in jobs]
        stored: list[tuple[str, bytes]] = []
        for id_, job in zip(ids, jobs, strict=True):
            try:
                stored.append((id_, envelope(id_, job.payload)))
            except ValueError as error:
                raise BackendRefused(f"the job cannot go into {self.name}: {error}") from None
        rules = self._reliability
        for batch in _by_size(stored):
            taken = await self._run(
                "v2_enqueue",
                rules.max_attempts,
                whole_ms(delay_seconds),
                rules.event_retention,
                *(part for pair in batch for part in pair),
            )
            if taken:
                raise BackendRefused(
                    f"{self.name} has another job with the id {id_text(taken) or '?'}; "
                    "choose a new id or none"
                )
        return ids

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source``."""
        after = dead.read_cursor(cursor)
        while True:
            rows = await self._run("v2_dead_letters", after.id, after.died_at_ms, max(limit, 1))
            page, after = dead.read_page(rows, after)
            more = len(rows) >= max(limit, 1)
            if page or not more:
                return DeadPage(page, dead.write_cursor(after) if more else None)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source``. False also for what was quarantined: it can only be dropped."""
        instead = payloads or {}
        pairs = [(id_, envelope(id_, instead[id_]) if id_ in instead else b"") for id_ in ids]
        results: list[bool] = []
        for batch in _by_size(pairs):
            args = [argument for pair in batch for argument in pair]
            reply = await self._run("v2_replay", self._reliability.event_retention, *args)
            results += [result == 1 for result in reply]
        return results

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source``."""
        results: list[bool] = []
        for batch in batches(ids, _LONGEST_BATCH):
            results += [result == 1 for result in await self._run("v2_drop", *batch)]
        return results

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """See ``Source``. The server's own workers trim to ``failed_retention`` as they go."""
        return int(await self._run("v2_trim", most, whole_ms(older_than_seconds)))

    async def _run(self, script: str, *args: Any) -> Any:
        return await self._scripts.run(load(script), self._keys, args)


def _by_size(pairs: Sequence[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Cut ids and what is stored for them into script calls."""
    return batches(pairs, _LONGEST_BATCH, size=lambda pair: len(pair[1]), most_bytes=_BATCH_BYTES)
