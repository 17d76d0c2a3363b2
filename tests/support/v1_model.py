"""A model of a Sockudo v1 list that knows where each job must be, and compares it with Redis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from support.marks import marks

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.drivers.sockudo_v1 import SockudoV1Source
from sockq.drivers.sockudo_v1_format import decode
from sockq.drivers.source import QueueStats


@dataclass(frozen=True, slots=True)
class Job:
    """As it stands somewhere: ``attempt`` without the present lease."""

    id: str
    payload: bytes
    attempt: int = 0
    crashes: int = 0
    state: bytes = b""


@dataclass(slots=True)
class Held:
    """A leased job."""

    job: Job
    lease: Lease
    extended: bool = False


@dataclass(slots=True)
class Model:
    """Every place, each in its order where it has one."""

    listed: list[bytes] = field(default_factory=list)
    bare: list[bytes] = field(default_factory=list)
    ready: list[Job] = field(default_factory=list)
    delayed: dict[str, Job] = field(default_factory=dict)
    due: list[Job] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    dead: dict[str, Job] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    swept: set[bytes] = field(default_factory=set)

    def look(self) -> None:
        """What claims and sweeps do first."""
        self.bare += self.listed
        self.ready += self.due
        self.listed, self.due = [], []

    def claim(self, limit: int, leases: list[Lease]) -> None:
        """Check what a claim took and take it."""
        self.look()
        records = [lease for lease in leases if lease.id != lease.receipt]
        count = len(self.ready) + len(self.bare)
        assert len(leases) == min(limit, count)
        if limit > 1:
            half = -(-limit // 2)
            assert len(records) == min(len(self.ready), max(half, limit - len(self.bare)))
        jobs = self.ready[: len(records)]
        payloads = self.bare[: len(leases) - len(records)]
        del self.ready[: len(records)], self.bare[: len(payloads)]
        jobs += [
            Job(lease.receipt, payload)
            for lease, payload in zip(leases[len(records) :], payloads, strict=True)
        ]
        for job, lease in zip(jobs, leases, strict=True):
            seen = Job(lease.id, lease.payload, lease.attempt - 1, lease.crashes, lease.state)
            assert seen == job
            assert lease.receipt not in self.held
            self.held[lease.receipt] = Held(job, lease)
            self.sizes[lease.receipt[:25]] = len(leases)

    def settle(self, batch: list[Settlement]) -> list[bool]:
        """End leases; return what must be the answer."""
        owners = dict.fromkeys(settlement.lease.owner for settlement in batch)
        order = sorted(
            range(len(batch)),
            key=lambda i: ([*owners].index(batch[i].lease.owner), _rank(batch[i])),
        )
        front = [i for i in order if _rank(batch[i]) == 2]
        front.sort(key=lambda i: batch[i].lease.receipt, reverse=True)
        results = [False] * len(batch)
        for owner in owners:
            mine = [i for i in order if batch[i].lease.owner == owner and i not in front]
            for index in mine + [i for i in front if batch[i].lease.owner == owner]:
                results[index] = self._settle(batch[index])
        return results

    def _settle(self, settlement: Settlement) -> bool:
        held = self.held.pop(settlement.lease.receipt, None)
        if held is None:
            return False
        job = held.job
        match settlement:
            case Ack():
                pass
            case Retry(delay_seconds=delay, state=state):
                again = replace(job, attempt=job.attempt + 1, state=state)
                if delay > 0:
                    self.delayed[again.id] = again
                else:
                    self.ready.append(again)
            case Release(delay_seconds=delay, state=new_state):
                again = job if new_state is None else replace(job, state=new_state)
                if delay > 0:
                    self.delayed[again.id] = again
                else:
                    self.ready.insert(0, again)
            case Dead(state=state):
                self.dead[job.id] = replace(job, attempt=job.attempt + 1, state=state)
        return True

    def give_back(self, receipts: Iterable[str], blamed: frozenset[str] = frozenset()) -> None:
        """Reclaim: the latest claimed goes first to the front."""
        for receipt in sorted(receipts, reverse=True):
            held = self.held.pop(receipt)
            crashes = held.job.crashes + bool(marks([held.lease]) & blamed)
            self.ready.insert(0, replace(held.job, crashes=crashes))

    def members(self) -> dict[bytes, list[str]]:
        """What stands in the deadlines, and the receipts that each of them ends."""
        members: dict[bytes, list[str]] = {}
        for receipt, held in self.held.items():
            owner, claim = held.lease.owner, receipt[:25]
            whole = f"b{claim}{owner}".encode()
            if whole not in self.swept:
                members.setdefault(whole, [])
            if held.extended:
                members[f"x{receipt}{owner}".encode()] = [receipt]
            else:
                members[whole].append(receipt)
        return members

    def stats(self) -> QueueStats:
        """The counts."""
        ready = len(self.listed) + len(self.bare) + len(self.ready)
        waiting = len(self.delayed) + len(self.due)
        return QueueStats(ready, len(self.held), waiting, len(self.dead))


def _rank(settlement: Settlement) -> int:
    if isinstance(settlement, Ack):
        return 0
    return 2 if isinstance(settlement, Release) and settlement.delay_seconds <= 0 else 1


async def compare(source: SockudoV1Source, model: Model) -> None:
    """Every key of the queue is as the model says, and there is no other."""
    keys, run = source.keys, source._client.command
    assert set(await run("ZRANGE", keys.deadlines, 0, -1)) == set(model.members())
    bare = [job for key in (keys.front, keys.intake) for job in await run("LRANGE", key, 0, -1)]
    assert bare == model.bare
    assert await run("LRANGE", keys.list, 0, -1) == model.listed
    assert [_job(record) for record in await run("LRANGE", keys.ready, 0, -1)] == model.ready
    delayed = [_job(member[32:]) for member in await run("ZRANGE", keys.delayed, 0, -1)]
    assert {job.id: job for job in delayed} == model.delayed | {job.id: job for job in model.due}
    assert len(delayed) == len(model.delayed) + len(model.due)
    dead = await run("HGETALL", keys.dead_jobs)
    assert {id_.decode(): _job(record) for id_, record in dead.items()} == model.dead
    assert {id_.decode() for id_ in await run("ZRANGE", keys.dead, 0, -1)} == set(model.dead)
    found = {key.decode() for key in await run("KEYS", f"*{source.name}*")}
    assert found <= {*vars(keys).values()} | await _compare_claims(source, model)
    assert msgspec.structs.replace(await source.stats(), oldest_seconds=None) == model.stats()


async def _compare_claims(source: SockudoV1Source, model: Model) -> set[str]:
    """Return the keys that open claims must have."""
    keys, run = source.keys, source._client.command
    expected: dict[str, dict[str, list[Held]]] = {}
    for receipt, held in model.held.items():
        expected.setdefault(held.lease.owner, {}).setdefault(receipt[:25], []).append(held)
    counts = {owner: sum(map(len, claims.values())) for owner, claims in expected.items()}
    leased = await run("HGETALL", keys.leased)
    assert {owner.decode(): int(count) for owner, count in leased.items()} == counts
    for owner, claims in expected.items():
        entries = await run("HGETALL", keys.claims(owner))
        assert {prefix.decode() for prefix in entries} == set(claims)
        for prefix, holds in claims.items():
            assert _bits(entries[prefix.encode()]) == (
                {int(held.lease.receipt[28:]) for held in holds},
                {int(held.lease.receipt[28:]) for held in holds if held.extended},
            )
            stored = await run("LRANGE", keys.claim(prefix), 0, -1)
            assert len(stored) == model.sizes[prefix]
            for held in holds:
                value = stored[int(held.lease.receipt[28:]) - 1]
                is_record = held.lease.receipt[25] == "1"
                assert (_job(value) if is_record else Job(held.job.id, value)) == held.job
    claim_keys = {keys.claim(prefix) for claims in expected.values() for prefix in claims}
    return claim_keys | {keys.claims(owner) for owner in expected}


def _bits(entry: bytes) -> tuple[set[int], set[int]]:
    size = (len(entry) - 2) // 2
    maps = (int.from_bytes(entry[at : at + size], "little") for at in (2, 2 + size))
    leased, extended = ({n + 1 for n in range(8 * size) if bits >> n & 1} for bits in maps)
    return leased, extended


def _job(stored: Any) -> Job:
    record = decode(stored)
    return Job(record.id, record.payload, record.attempt, record.crashes, record.state)
