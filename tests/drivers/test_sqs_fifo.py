"""FIFO queues: order within a group through retries, and where the state of a retry stands."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict

import pytest
from support.marks import marks
from support.sqs_sources import CallLog, OpenQueue
from support.until import async_until

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry, Settlement
from sockq.drivers.sqs import SqsSource


async def one(source: SqsSource, owner: str = "owner-1", within: float = 5.0) -> Lease:
    async def claimed() -> list[Lease]:
        return await source.claim(1, 0.2, owner)

    (lease,) = await async_until(claimed, within)
    return lease


async def put(source: SqsSource, *numbers: int) -> None:
    await source.enqueue([NewJob(b"%d" % number) for number in numbers])


async def test_of_a_group_one_job_at_a_time(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True)
    other = await sqs_open(fifo=True)
    await put(source, *range(12))
    for number in range(12):
        (lease,) = await source.claim(10, 1.0, "owner-1")
        assert lease.payload == b"%d" % number
        assert await source.claim(10, 0.0, "owner-1") == []
        assert await other.claim(10, 0.0, "owner-2") == []
        assert await source.settle([Ack(lease)]) == [True]


async def test_successors_wait_for_a_retry_and_keep_their_leases(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True, lease_seconds=1.0)
    other = await sqs_open(fifo=True)
    await put(source, 1, 2, 3)
    (first,) = await source.claim(10, 1.0, "owner-1")  # all three have come
    start = time.monotonic()
    assert await source.settle([Retry(first, 1.5, b"owed: a")]) == [True]
    assert await other.claim(10, 1.0, "owner-2") == []
    stats = await source.stats()
    assert (stats.ready, stats.delayed) == (0, 1)
    again = await one(source)
    assert 1.4 < time.monotonic() - start < 3.0
    assert (again.payload, again.attempt, again.state) == (b"1", 2, b"owed: a")
    end = time.monotonic() + 1.5
    while time.monotonic() < end:  # longer than a lease: the successors are extended with it
        assert await source.extend([again], 1.0) == [True]
        await asyncio.sleep(0.2)
    assert await source.settle([Ack(again)]) == [True]
    for payload in (b"2", b"3"):
        lease = await one(source)
        assert (lease.payload, lease.crashes) == (payload, 0)
        assert await source.settle([Ack(lease)]) == [True]


async def test_a_waiting_claim_wakes_for_the_next_of_a_group(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True, wait_time_seconds=5)
    await put(source, 1, 2)
    (first,) = await source.claim(10, 1.0, "owner-1")
    claim = asyncio.create_task(source.claim(1, 5.0, "owner-1"))
    await asyncio.sleep(0.1)  # the claim has no visible sign of waiting
    start = time.monotonic()
    assert await source.settle([Ack(first)]) == [True]
    (lease,) = await claim
    assert lease.payload == b"2"
    assert time.monotonic() - start < 1.0, "not at the end of the receive that waits"


async def test_a_release_gives_the_whole_group_to_others(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True)
    other = await sqs_open(fifo=True)
    await put(source, 1, 2, 3)
    (first,) = await source.claim(10, 1.0, "owner-1")
    assert await source.settle([Release(first, 0.0, b"kept")]) == [True]
    again = await one(other, "owner-2")
    assert (again.payload, again.id) == (b"1", first.id)
    assert (again.attempt, again.crashes, again.state) == (1, 0, b"kept")
    for payload in (b"2", b"3"):
        assert await other.settle([Ack(again)]) == [True]
        again = await one(other, "owner-2")
        assert (again.payload, again.attempt, again.crashes) == (payload, 1, 0)


async def test_a_retry_that_waits_survives_the_end_of_its_process(
    sqs_open: OpenQueue,
) -> None:
    source = await sqs_open(fifo=True)
    other = await sqs_open(fifo=True)
    await put(source, 1, 2)
    start = time.monotonic()
    (first,) = await source.claim(10, 1.0, "owner-1")
    assert await source.settle([Retry(first, 1.5, b"owed: b")]) == [True]
    await source.give_back()
    again = await one(other, "owner-2")
    assert time.monotonic() - start > 1.4, "others wait for it too"
    assert (again.payload, again.attempt) == (b"1", 2)
    assert (again.state, again.crashes) == (b"owed: b", 0)


async def test_a_killed_process_leaves_the_state_of_its_retries(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True)
    other = await sqs_open(fifo=True)
    await put(source, 1, 2)
    (first,) = await source.claim(10, 1.0, "owner-1")
    assert await source.settle([Retry(first, 0.5, b"owed: c")]) == [True]
    assert await other.reclaim("owner-1") == 0, "no lease ended; but the job is given back"
    again = await one(other, "owner-2")
    assert (again.payload, again.attempt) == (b"1", 2)
    assert (again.state, again.crashes) == (b"owed: c", 0)
    assert await other.reclaim("owner-2", blamed=marks([again])) == 1
    third = await one(other, "owner-3")
    assert (third.attempt, third.crashes, third.state) == (2, 1, b"owed: c")


async def test_without_a_journal_the_state_ends_with_the_process(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True, journal=None)
    other = await sqs_open(fifo=True, journal=None)
    await put(source, 1)
    first = await one(source)
    assert await source.settle([Retry(first, 0.0, b"owed: a")]) == [True]
    assert (again := await one(source)).state == b"owed: a", "it waits in its process"
    assert await source.settle([Retry(again, 0.0, b"owed: a")]) == [True]
    await source.give_back()
    lost = await one(other, "owner-2")
    assert (lost.id, lost.attempt, lost.state) == (first.id, 1, b"")


async def test_a_dead_letter_lets_its_group_go_on(sqs_open: OpenQueue, sqs_calls: CallLog) -> None:
    source = await sqs_open(fifo=True)
    await put(source, 1, 2)
    assert await source.settle([Dead(await one(source), "gone", b"")]) == [True]
    assert (await one(source)).payload == b"2"
    created = [given for name, given in sqs_calls.calls if name == "create_queue"]
    assert created[-1]["QueueName"] == f"{source.name.removesuffix('.fifo')}-dead.fifo"


async def test_a_replayed_job_goes_to_its_group(sqs_open: OpenQueue, sqs_calls: CallLog) -> None:
    source = await sqs_open(fifo=True, message_group_id="tenant")
    await put(source, 1)
    lease = await one(source)
    assert await source.settle([Dead(lease, "gone", b"")]) == [True]
    assert await source.replay([lease.id]) == [True]
    groups = [
        entry["MessageGroupId"]
        for name, given in sqs_calls.calls
        if name == "send_message_batch" and given["QueueUrl"].endswith(source.name)
        for entry in given["Entries"]
    ]
    assert groups == ["tenant", "tenant"]


async def test_a_delay_is_refused(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True)
    with pytest.raises(BackendRefused, match="FIFO queue cannot delay"):
        await source.enqueue([NewJob(b"{}")], 1.0)


class Chances:
    """Settles most jobs, now and then not, and checks each against what it did before."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.tries: dict[str, int] = defaultdict(int)
        self.done: dict[bytes, list[int]] = defaultdict(list)
        self.out: set[bytes] = set()
        self.count = 0

    def take(self, lease: Lease) -> Settlement:
        group, _, place = lease.payload.partition(b":")
        assert group not in self.out, "one of a group at a time"
        self.out.add(group)
        tries = self.tries[lease.id]
        expected = (tries + 1, b"try %d" % tries if tries else b"", 0)
        assert (lease.attempt, lease.state, lease.crashes) == expected
        luck = self.random.random()
        if luck < 0.02:
            return Release(lease)
        self.tries[lease.id] += 1
        if luck < 0.06:
            delay_seconds = 0.2 * self.random.random()
            return Retry(lease, delay_seconds, b"try %d" % lease.attempt)
        self.done[group].append(int(place))
        self.count += 1
        return Ack(lease)

    def settling(self, lease: Lease) -> None:
        self.out.discard(lease.payload.partition(b":")[0])


async def test_a_thousand_jobs_of_ten_groups_keep_their_order_through_failures(
    sqs_open: OpenQueue,
) -> None:
    total = 1_000
    sources = [await sqs_open(fifo=True) for _ in range(3)]
    producers = [await sqs_open(fifo=True, message_group_id=f"group-{n}") for n in range(10)]
    for first in range(0, total // 10, 20):
        for group, producer in enumerate(producers):
            await producer.enqueue([NewJob(b"%d:%d" % (group, first + n)) for n in range(20)])
    chances = Chances()

    async def work(number: int) -> None:
        source = sources[number]
        while chances.count < total:
            leases = await source.claim(16, 0.1, f"owner-{number}")
            settlements = [chances.take(lease) for lease in leases]
            await asyncio.sleep(0.001)  # others claim meanwhile
            for lease in leases:
                chances.settling(lease)
            assert await source.settle(settlements) == [True] * len(settlements)

    await asyncio.wait_for(asyncio.gather(*map(work, range(3))), 50)
    assert chances.count == total
    assert all(places == list(range(100)) for places in chances.done.values())
    assert sum(chances.tries.values()) > total, "there were failures"
