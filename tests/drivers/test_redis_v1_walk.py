"""Random walks over a Sockudo v1 list: after every step each job is where it must be."""

from __future__ import annotations

import random
import time

import pytest
from support.marks import marks
from support.redis_server import RedisServer
from support.redis_sources import push, v1_source
from support.v1_model import Job, Model, compare

from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry, Settlement
from sockq.drivers.sockudo_v1 import SockudoV1Source

STEPS = 400
OWNERS = ("owner-1", "owner-2", "owner-10")


class _Walk:
    def __init__(self, sources: list[SockudoV1Source], seed: int) -> None:
        self.random = random.Random(seed)
        self.sources = sources
        self.source = sources[0]
        self.model = Model()
        self.stale: list[Lease] = []
        self.count = 0
        self.moves = [
            *[self.push, self.claim, self.settle] * 4,
            *[self.extend, self.expire, self.time_passes] * 2,
            self.enqueue,
            self.see,
            self.stop_the_server,
            self.reclaim,
            self.settle_late,
            self.bury_or_replay,
        ]

    async def step(self) -> None:
        self.source = self.random.choice(self.sources)
        await self.random.choice(self.moves)()
        await compare(self.source, self.model)

    def payloads(self, most: int) -> list[bytes]:
        count = self.random.randint(1, most)
        self.count += count
        extra = self.random.choice([b"", b"\0\xff;", b"r1 1 1 1 1 1;"])
        return [b"%d%s" % (n, extra) for n in range(self.count - count, self.count)]

    async def push(self) -> None:
        payloads = self.payloads(self.random.choice([3, 3, 40]))
        await push(self.source, payloads)
        self.model.listed += payloads

    async def enqueue(self) -> None:
        jobs = [NewJob(payload, f"id-{payload.hex()}") for payload in self.payloads(3)]
        delay = self.random.choice([0.0, 60.0])
        await self.source.enqueue(jobs, delay)
        for job in jobs:
            new = Job(job.id or "", job.payload)
            if delay:
                self.model.delayed[new.id] = new
            else:
                self.model.ready.append(new)

    async def see(self) -> None:
        """As a waiting claim sees a job."""
        keys = self.source.keys
        await self.source._client.command("LMOVE", keys.list, keys.intake, "LEFT", "RIGHT")
        self.model.bare += self.model.listed[:1]
        del self.model.listed[:1]

    async def stop_the_server(self) -> None:
        assert await self.source.reclaim(None) == 0
        self.model.look()
        assert await self.source._client.command("DEL", self.source.keys.list) == 0

    async def claim(self) -> None:
        limit = self.random.choice([1, 2, 7, 30])
        leases = await self.source.claim(limit, 0.0, self.random.choice(OWNERS))
        self.model.claim(limit, leases)

    def some_held(self, most: int) -> list[Lease]:
        receipts = sorted(self.model.held)
        chosen = self.random.sample(receipts, min(len(receipts), self.random.randint(0, most)))
        return [self.model.held[receipt].lease for receipt in chosen]

    def settlement(self, lease: Lease) -> Settlement:
        state = self.random.randbytes(self.random.randint(0, 5))
        delay = self.random.choice([0.0, 60.0])
        kinds: list[Settlement] = [
            Ack(lease),
            Ack(lease),
            Retry(lease, delay, state),
            Release(lease, delay),
            Release(lease, delay, state),
            Dead(lease, "gone: ü", state),
        ]
        return self.random.choice(kinds)

    async def settle(self) -> None:
        leases = self.some_held(self.random.choice([1, 5, 60]))
        if self.random.random() < 0.3:
            batch: list[Settlement] = [Ack(lease) for lease in leases]
        else:
            leases += self.random.sample(leases, min(2, len(leases)))  # some of them twice
            leases += self.random.sample(self.stale, min(2, len(self.stale)))
            batch = [self.settlement(lease) for lease in leases]
        assert await self.source.settle(batch) == self.model.settle(batch)
        self.stale += [x.lease for x in batch if x.lease.receipt not in self.model.held]

    async def settle_late(self) -> None:
        batch = [self.settlement(lease) for lease in self.stale[-300:]]
        assert await self.source.settle(batch) == [False] * len(batch)

    async def extend(self) -> None:
        leases = self.some_held(self.random.choice([1, 60]))
        late = self.random.sample(self.stale, min(2, len(self.stale)))
        expected = [True] * len(leases) + [False] * len(late)
        assert await self.source.extend(leases + late, 60.0) == expected
        for lease in leases:
            self.model.held[lease.receipt].extended = True

    async def expire(self) -> None:
        """Some ends pass; a sweep finds them, of each owner the latest first."""
        members = self.model.members()
        chosen = self.random.sample(sorted(members), min(len(members), self.random.randint(1, 4)))
        past = time.time_ns() // 1_000_000 - 1_000
        for member in chosen:
            await self.source._client.command("ZADD", self.source.keys.deadlines, past, member)
        gone: dict[str, list[str]] = {}
        for member in sorted(chosen, key=lambda member: member[1:26], reverse=True):
            owner = member[26 if member[:1] == b"b" else 33 :].decode()
            gone.setdefault(owner, []).extend(members[member])
        self.model.look()
        self.model.swept |= {member for member in chosen if member[:1] == b"b"}
        assert await self.source.reclaim(None) == sum(map(len, gone.values()))
        for receipts in gone.values():
            self.lose(receipts)

    def lose(self, receipts: list[str], blamed: frozenset[str] = frozenset()) -> None:
        self.stale += [self.model.held[receipt].lease for receipt in receipts]
        self.model.give_back(receipts, blamed)

    async def reclaim(self) -> None:
        owner = self.random.choice(OWNERS)
        receipts = [r for r, held in self.model.held.items() if held.lease.owner == owner]
        ended = 0
        at_work = [self.model.held[r].lease for r in receipts if self.random.random() < 0.5]
        blamed = marks(at_work)
        while count := await self.source.reclaim(owner, blamed=blamed):
            ended += count
        assert ended == len(receipts)
        self.lose(receipts, blamed)

    async def time_passes(self) -> None:
        """Some delayed jobs become due, one after the other."""
        model, keys, run = self.model, self.source.keys, self.source._client.command
        past = time.time_ns() // 1_000_000 - 100_000 + len(model.due)
        members = {member[32:]: member for member in await run("ZRANGE", keys.delayed, 0, -1)}
        by_id = {record.split(b";", 1)[1]: member for record, member in members.items()}
        for id_ in self.random.sample(sorted(model.delayed), min(3, len(model.delayed))):
            job = model.delayed.pop(id_)
            rest = id_.encode() + job.state + job.payload
            await run("ZADD", keys.delayed, past, by_id[rest])
            past += 1
            model.due.append(job)

    async def bury_or_replay(self) -> None:
        ids = self.random.sample(sorted(self.model.dead), min(2, len(self.model.dead)))
        jobs = [self.model.dead.pop(id_) for id_ in ids]
        if self.random.random() < 0.3:
            assert await self.source.drop([*ids, "no such"]) == [True] * len(ids) + [False]
        else:
            assert await self.source.replay([*ids, "no such"]) == [True] * len(ids) + [False]
            self.model.ready += [Job(job.id, job.payload, state=job.state) for job in jobs]


@pytest.mark.parametrize("walk", range(2))
@pytest.mark.parametrize("where", ["redis_server", "redis_6", "redis_cluster_node"])
async def test_each_job_is_where_it_must_be(
    request: pytest.FixtureRequest, redis_prefix: str, where: str, walk: int
) -> None:
    server: RedisServer = request.getfixturevalue(where)
    seed = random.SystemRandom().getrandbits(32)
    print(f"walk {walk}: seed {seed}")  # noqa: T201 - shown when it fails
    async with (
        v1_source(server, redis_prefix, lease_seconds=3_600.0) as source,
        v1_source(server, redis_prefix, lease_seconds=3_600.0) as other,
    ):
        state = _Walk([source, other], seed)
        for _ in range(STEPS):
            await state.step()
        assert state.count > 100
        await state.source.settle([Ack(held.lease) for held in state.model.held.values()])
        assert (await state.source.stats()).leased == 0
        claims = await source._client.command("KEYS", f"*{redis_prefix}*claim*")
        assert claims == []
