"""Random walks of sockq and a server's worker on one queue: every job is in exactly one place."""

from __future__ import annotations

import json
from random import Random

import pytest
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import Queue, framed, job_data, new_id, now_ms, record
from support.v2_server import ServerWorker

from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry, Settlement

__all__ = ["open_queue"]

STEPS = 250


class _Walk:
    """Makes random moves and remembers who holds what."""

    def __init__(self, queue: Queue, random: Random) -> None:
        self.queue = queue
        self.source = queue.source
        self.random = random
        self.server = ServerWorker(queue)
        self.payloads: dict[str, bytes] = {}
        self.ours: dict[str, Lease] = {}
        self.theirs: dict[str, str] = {}

    async def step(self) -> None:
        moves = [
            self.enqueue,
            self.enqueue_frame,
            self.claim,
            self.claim,
            self.settle,
            self.settle,
            self.server_claims,
            self.server_settles,
            self.a_lease_expires,
            self.delays_pass,
            self.reclaim,
            self.replay,
        ]
        await self.random.choice(moves)()

    async def enqueue(self) -> None:
        ids = [new_id() for _ in range(self.random.randint(1, 3))]
        jobs = [NewJob(job_data(id_), id_) for id_ in ids]
        self.payloads |= {job.id or "": job.payload for job in jobs}
        await self.source.enqueue(jobs, self.random.choice([0.0, 0.0, 60.0]))

    async def enqueue_frame(self) -> None:
        ids = [new_id() for _ in range(self.random.randint(1, 5))]
        self.payloads |= {id_: job_data(id_) for id_ in ids}
        frame = framed([record(id_, self.payloads[id_]) for id_ in ids])
        await self.queue.push_frame(frame, len(ids))

    async def claim(self) -> None:
        owner = f"owner-{self.random.randint(1, 2)}"
        for lease in await self.source.claim(self.random.randint(1, 4), 0.0, owner):
            assert lease.payload == self.payloads[lease.id]
            assert lease.id not in self.ours
            assert lease.id not in self.theirs
            self.ours[lease.id] = lease

    async def settle(self) -> None:
        batch: list[Settlement] = []
        for id_ in self.random.sample(sorted(self.ours), min(3, len(self.ours))):
            lease = self.ours.pop(id_)
            state = self.random.randbytes(self.random.randint(0, 9))
            delay = self.random.choice([0.0, 60.0])
            choices: list[Settlement] = [
                Ack(lease),
                Retry(lease, delay, state),
                Retry(lease, delay, state),
                Release(lease, delay),
                Dead(lease, "gone", state),
            ]
            batch.append(self.random.choice(choices))
        assert await self.source.settle(batch) == [True] * len(batch)
        assert await self.source.settle(batch) == [False] * len(batch)

    async def server_claims(self) -> None:
        claimed = await self.server.claim()
        if claimed is not None:
            id_, token = claimed
            assert id_ not in self.ours
            assert id_ not in self.theirs
            self.theirs[id_] = token

    async def server_settles(self) -> None:
        if self.theirs:
            id_ = self.random.choice(sorted(self.theirs))
            token = self.theirs.pop(id_)
            if self.random.random() < 0.5:
                assert await self.server.ack(id_, token)
            else:
                assert await self.server.nack(id_, token, self.random.choice([0, 60_000]))

    async def a_lease_expires(self) -> None:
        """Of anybody; found by the server's sweep or by ours."""
        held = sorted(self.ours) + sorted(self.theirs)
        if held:
            id_ = self.random.choice(held)
            await self.queue.run("ZADD", "active", now_ms() - 1, id_)
            lease = self.ours.pop(id_, None)
            self.theirs.pop(id_, None)
            if self.random.random() < 0.5:
                await self.server.sweep()
            else:
                assert await self.source.reclaim(None) == 1
            if lease is not None:
                assert await self.source.settle([Ack(lease)]) == [False]

    async def delays_pass(self) -> None:
        for id_ in list(await self.queue.scores("delayed"))[:3]:
            await self.queue.run("ZADD", "delayed", now_ms() - 1, id_)

    async def reclaim(self) -> None:
        if self.random.random() < 0.2:
            gone = {id_ for id_, lease in self.ours.items() if lease.owner == "owner-1"}
            assert await self.source.reclaim("owner-1") == len(gone)
            self.ours = {id_: lease for id_, lease in self.ours.items() if id_ not in gone}

    async def replay(self) -> None:
        letters = (await self.source.dead_letters(None, 2)).letters
        assert all(await self.source.replay([letter.id for letter in letters]))

    async def check(self) -> None:
        """Every job is in one place, with a payload; tokens and leases belong together."""
        run = self.queue.run
        waiting = [id_.decode() for id_ in await run("LRANGE", "wait", 0, -1)]
        inside = [
            id_
            for frame in await run("LRANGE", "inline-wait", 0, -1)
            for id_ in self.payloads
            if b"J" + id_.encode() in frame
        ]
        places = waiting + inside
        for zset in ("delayed", "active", "completed", "dlq"):
            places += await self.queue.scores(zset)
        assert sorted(places) == sorted(self.payloads)
        assert set(await self.queue.scores("active")) == set(self.ours) | set(self.theirs)
        tokens = {id_: lease.receipt for id_, lease in self.ours.items()} | self.theirs
        assert await self.queue.table("tokens") == tokens
        jobs = await self.queue.table("jobs")
        assert set(jobs) == set(self.payloads) - set(inside)
        for text in jobs.values():
            json.loads(text.encode("latin-1"))
        stats = await self.source.stats()
        assert (stats.ready, stats.leased) == (len(waiting) + len(inside), len(tokens))


@pytest.mark.parametrize("seed", range(6))
async def test_no_move_loses_or_doubles_a_job(open_queue: OpenQueue, seed: int) -> None:
    walk = _Walk(await open_queue(), Random(seed))
    for _ in range(STEPS):
        await walk.step()
        await walk.check()
    assert len(walk.payloads) > 50


async def test_a_worker_of_the_server_takes_over_after_many_retries(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_)
    for _ in range(12):
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        await queue.source.settle([Retry(lease, 0.0, b"state")])
    server = ServerWorker(queue)
    for _ in range(5):  # its full allowance, as for a new job
        claimed = await server.claim()
        assert claimed is not None
        assert claimed[0] == id_
        assert await server.nack(*claimed)
    assert await server.claim() is None
    (letter,) = (await queue.source.dead_letters(None, 10)).letters
    assert (letter.id, letter.reason, letter.attempt) == (id_, "processor-error", 17)


async def test_a_servers_sweep_does_not_bury_a_job_of_a_crashed_sockq(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_, maximum=1)
    await queue.source.claim(1, 0.0, "owner-1")
    await queue.run("ZADD", "active", now_ms() - 1, id_)
    claimed = await ServerWorker(queue).claim()
    assert claimed is not None
    assert claimed[0] == id_
