"""The list that Sockudo servers up to 4.x write, with the leases and retries that it lacks.

The list has no ids, leases or delays: all that sockq needs stands in companion keys (``Keys``).
What stands in the server's list is taken into our own intake by every claim and sweep, all of it
and not only what can be worked on now: a clean stop of any 4.x server deletes that list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from sockq.drivers.durations import whole_ms
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.settings import LeaseSettings
from sockq.drivers.sockudo_v1_dead import DeadLetters
from sockq.drivers.sockudo_v1_enqueue import Producer
from sockq.drivers.sockudo_v1_format import MOST_JOBS, Keys, Prefixes, leases_of
from sockq.drivers.sockudo_v1_reclaiming import (
    RECLAIM_CHUNK,
    Claims,
    all_of,
    expired,
    reclaim_calls,
)
from sockq.drivers.sockudo_v1_settling import extend_calls, settle_calls
from sockq.drivers.sockudo_v1_waiting import Outlook, Waiting
from sockq.drivers.source import DeadPage, Dialect, QueueStats, Source

#: Steps of at most 1,000 jobs each that one call takes from the server's list.
_CUSTODY_STEPS: Final = 100
#: Ends of leases and claims that one sweep looks at.
_EXPIRED_CHUNK: Final = 1_000


class SockudoV1Source(Source):
    """One list key.

    Args:
        client: The connection; closed by who opened it.
        list_key: The server's list, verbatim.
        lease: Lease length.
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
        self._producer = Producer(client, self.keys, self._prefixes)
        self._dead = DeadLetters(self._scripts, self.keys)
        self._intake_has_the_turn = False

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source.claim``. With jobs of both kinds, half are touched ones and half fresh.

        An answer that is lost (cancelled call, broken connection) leaves its jobs leased; they
        come back when that lease ends or its owner is reclaimed.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            leases, outlook = await self._claim_now(min(limit, MOST_JOBS), owner)
            left = deadline - time.monotonic()
            if leases:
                self._waiting.note_activity()
                return leases
            if left <= 0 or not await self._waiting.wait(left, outlook):
                return []

    async def _claim_now(self, limit: int, owner: str) -> tuple[list[Lease], Outlook]:
        keys, prefix = self.keys, self._prefixes.next()
        *items, records, more, next_due_ms, busy = await self._scripts.run(
            _CLAIM,
            (
                keys.list,
                keys.intake,
                keys.front,
                keys.ready,
                keys.delayed,
                keys.deadlines,
                keys.leased,
                keys.claims(owner),
                keys.claim(prefix),
            ),
            (
                limit,
                whole_ms(self._lease.lease_seconds),
                prefix,
                owner,
                int(self._intake_has_the_turn),
            ),
        )
        # Only claims of a single job cannot take both kinds at once; they take turns.
        self._intake_has_the_turn = limit == 1 and records > 0
        if more:
            await self._take_custody()
        outlook = Outlook(None if next_due_ms < 0 else next_due_ms / 1000, bool(busy))
        return leases_of(prefix, owner, items[:records], items[records:]), outlook

    async def _take_custody(self) -> None:
        keys = self.keys
        for _ in range(_CUSTODY_STEPS):
            if not await self._scripts.run(_CUSTODY, (keys.list, keys.intake, keys.front), ()):
                return

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        keys = self.keys
        results = [False] * len(settlements)
        for call in settle_calls(settlements):
            its_claims = [keys.claims(call.owner), *map(keys.claim, call.claims)]
            if call.others:
                answer = await self._scripts.run(
                    _SETTLE,
                    (
                        keys.ready,
                        keys.delayed,
                        keys.dead,
                        keys.dead_jobs,
                        keys.deadlines,
                        keys.leased,
                        *its_claims,
                    ),
                    (call.owner, *call.args),
                )
            else:
                answer = await self._scripts.run(
                    _ACK, (keys.deadlines, keys.leased, *its_claims), (call.owner, *call.args)
                )
            for index in call.succeeded(answer):
                results[index] = True
        return results

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``."""
        keys = self.keys
        results = [False] * len(leases)
        for call in extend_calls(leases):
            answer = await self._scripts.run(
                _EXTEND,
                (keys.deadlines, keys.claims(call.owner)),
                (call.owner, whole_ms(seconds), *call.args),
            )
            for index in call.succeeded(answer):
                results[index] = True
        return results

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """See ``Source.reclaim``. The jobs go to the front of the ready ones, in claim order."""
        keys = self.keys
        if owner is not None:
            claims = await self._client.command("HKEYS", keys.claims(owner))
            return await self._give_back(owner, all_of(claims), enough=1, blamed=blamed)
        more, members = await self._scripts.run(
            _SWEEP,
            (keys.list, keys.intake, keys.front, keys.ready, keys.delayed, keys.deadlines),
            (_EXPIRED_CHUNK,),
        )
        if more:
            await self._take_custody()
        return sum(
            [
                await self._give_back(its_owner, claims, enough=RECLAIM_CHUNK)
                for its_owner, claims in expired(members).items()
            ]
        )

    async def _give_back(
        self, owner: str, claims: Claims, enough: int, *, blamed: Marks = frozenset()
    ) -> int:
        """End leases, the latest claims' first, until ``enough`` have ended; return how many."""
        keys = self.keys
        ended = 0
        for prefixes, args in reclaim_calls(claims):
            ended += await self._scripts.run(
                _RECLAIM,
                (
                    keys.ready,
                    keys.deadlines,
                    keys.leased,
                    keys.claims(owner),
                    *map(keys.claim, prefixes),
                ),
                (owner, RECLAIM_CHUNK, "".join(blamed), *args),
            )
            if ended >= enough:  # those of earlier claims go before the rest of the later ones
                break
        return ended

    async def stats(self) -> QueueStats:
        """See ``Source.stats``. The age comes from the ``time_ms`` of the jobs at the heads."""
        keys = self.keys
        ready, leased, delayed, dead, oldest_ms = await self._scripts.run(
            _STATS,
            (
                keys.list,
                keys.intake,
                keys.front,
                keys.ready,
                keys.delayed,
                keys.dead,
                keys.leased,
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
        return await self._producer.enqueue(jobs, delay_seconds)

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``."""
        return await self._dead.page(cursor, limit)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``. The jobs go behind those that are ready."""
        return await self._dead.replay(ids, payloads)

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""
        return await self._dead.drop(ids)

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``."""
        return await self._dead.trim(most, older_than_seconds)


_ACK: Final = load("sockudo_v1_ack")
_CLAIM: Final = load("sockudo_v1_claim")
_CUSTODY: Final = load("sockudo_v1_custody")
_EXTEND: Final = load("sockudo_v1_extend")
_RECLAIM: Final = load("sockudo_v1_reclaim")
_SETTLE: Final = load("sockudo_v1_settle")
_STATS: Final = load("sockudo_v1_stats")
_SWEEP: Final = load("sockudo_v1_sweep")
