"""Random walks over the memory queue's state machine: no job is lost or in two places."""

from __future__ import annotations

import random

import pytest

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Lease, NewJob
from sockq.drivers.memory_store import MemoryStore


class Walk:
    """A store and a simple model of it, moved by random steps."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.capacity = self.random.choice([1, 3, 20, 200])
        self.trimmed = 0
        self.store = MemoryStore("p", self.capacity)
        self.now = 1_000.0
        self.enqueued: dict[str, bytes] = {}
        self.gone: set[str] = set()  # acked or dropped
        self.held: dict[str, Lease] = {}  # by id: the newest lease seen
        self.stale: list[Lease] = []
        often = (self.enqueue, self.claim, self.end)
        now_and_then = (self.extend, self.reclaim, self.dead, self.late, self.trim)
        self.moves = (*often, *often, self.end, *now_and_then)

    def step(self) -> None:
        self.now += self.random.choice([0.0, 0.1, 3.0])
        move = self.random.choice(self.moves)
        move()
        self.check()

    def enqueue(self) -> None:
        number = len(self.enqueued)
        jobs = [NewJob(b"%d" % (number + i)) for i in range(self.random.randint(1, 5))]
        try:
            ids = self.store.enqueue(jobs, self.random.choice([0.0, 0.0, 2.0, 50.0]), self.now)
        except BackendUnavailable:
            assert len(self.held) >= self.capacity
            return
        self.enqueued.update(zip(ids, (job.payload for job in jobs), strict=True))

    def claim(self) -> None:
        owner = self.random.choice("abc")
        for lease in self.store.claim(self.random.randint(1, 5), owner, 10.0, self.now):
            assert lease.id not in self.held, "leased twice"
            assert lease.id not in self.gone, "came back"
            assert lease.payload == self.enqueued[lease.id]
            assert lease.attempt >= 1
            self.held[lease.id] = lease

    def end(self) -> None:
        if not self.held:
            return
        lease = self.held.pop(self.random.choice(sorted(self.held)))
        self.stale.append(lease)
        ended = self.random.choice([self._ack, self._retry, self._release, self._bury])(lease)
        assert ended

    def late(self) -> None:
        if self.stale:
            lease = self.random.choice(self.stale)
            end = self.random.choice([self._retry, self._release, self._bury])
            assert not end(lease)
            assert not self.store.ack(lease.receipt)
            assert not self.store.extend(lease.receipt, 5.0, self.now)

    def extend(self) -> None:
        for lease in self.held.values():
            if self.random.random() < 0.5:
                assert self.store.extend(lease.receipt, 10.0, self.now)

    def reclaim(self) -> None:
        owner = self.random.choice(["a", "b", "c", None, None])
        count = self.store.reclaim(owner, self.now)
        lost = [lease for lease in self.held.values() if lease.receipt not in self.store._leased]
        assert count == len(lost)
        for lease in lost:
            assert owner in {None, lease.owner}
            self.stale.append(self.held.pop(lease.id))

    def dead(self) -> None:
        letters = self.store.dead_letters(None, 1_000).letters
        if letters:
            letter = self.random.choice(letters)
            assert letter.payload == self.enqueued[letter.id]
            if self.random.random() < 0.5:
                assert self.store.drop([letter.id]) == [True]
                self.gone.add(letter.id)
            elif len(self.held) < self.capacity:
                assert self.store.replay([letter.id], self.now) == [True]

    def trim(self) -> None:
        most = self.random.choice([0, 1, 5, 50])
        age_seconds = self.random.choice([0.0, 0.001, 60.0])
        self.trimmed += self.store.trim_dead(most, age_seconds, self.random.choice([1, 2]))
        if most:
            assert len(self.store._dead) <= most

    def _ack(self, lease: Lease) -> bool:
        self.gone.add(lease.id)
        return self.store.ack(lease.receipt)

    def _retry(self, lease: Lease) -> bool:
        return self.store.retry(lease.receipt, self.random.choice([0.0, 5.0]), b"s", self.now)

    def _release(self, lease: Lease) -> bool:
        return self.store.release(lease.receipt, self.random.choice([0.0, 5.0]), None, self.now)

    def _bury(self, lease: Lease) -> bool:
        return self.store.bury(lease.receipt, "gone", b"", 1)

    def check(self) -> None:
        store = self.store
        places = [
            [record.id for record in store._ready],
            [record.id for record in store._leased.values()],
            list(store._delayed),
            list(store._dead._records),
        ]
        everywhere = [id_ for place in places for id_ in place]
        assert len(set(everywhere)) == len(everywhere), "a job in two places"
        assert set(everywhere) == set(store._jobs)
        assert len(everywhere) + len(self.gone) + store.evicted + self.trimmed == len(
            self.enqueued
        ), "a job lost"
        assert set(places[1]) == set(self.held)
        assert len(everywhere) - len(places[3]) <= self.capacity
        assert all(record.attempt >= 0 for record in store._jobs.values())
        due = [record.id for _, order, record in store._due if store._delayed.get(record.id)]
        assert set(due) == set(places[2])


@pytest.mark.parametrize("walk", range(12))
def test_no_job_is_lost_or_doubled_whatever_happens(walk: int) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"walk {walk}: seed {seed}")  # noqa: T201 - shown when it fails
    state = Walk(seed)
    for _ in range(800):
        state.step()
