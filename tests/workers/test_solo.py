"""Jobs whose worker died, in a real worker: each alone, others soon, none condemned for nothing."""

from __future__ import annotations

import time

from support.broker_process import BrokerProcess
from support.jobs import job
from support.marks import marks
from support.until import async_until
from support.worker_bench import Bench, working

from sockq.drivers.job import Lease, NewJob
from sockq.drivers.job_mark import mark_of
from sockq.drivers.memory import MemoryDriver
from sockq.drivers.settings import MemorySettings
from sockq.supervisor.receiver import Receiver
from sockq.supervisor.receiver_rules import Rule, Rules
from sockq.workers import board
from sockq.workers.deaths import Death
from sockq.workers.journal import AloneJob, job_key, read_journal
from sockq.workers.target_state import decode


async def crashed_with(broker: BrokerProcess, *payloads: bytes, times: int = 1) -> list[Lease]:
    """Jobs that were in the hands of so many workers that crashed; their last leases."""
    driver = MemoryDriver(MemorySettings(broker.socket_path))
    await driver.open()
    (source,) = driver.sources
    await source.enqueue([NewJob(payload) for payload in payloads])
    leases: list[Lease] = []
    for number in range(times):
        owner = f"dead-{number}"
        leases = await source.claim(len(payloads), 1.0, owner)
        assert len(leases) == len(payloads)
        assert await source.reclaim(owner, blamed=marks(leases)) == len(payloads)
    await driver.close()
    return leases


def alone(bench: Bench) -> AloneJob | None:
    return read_journal(bench.board.slot(0).journal).alone


async def test_it_is_alone_on_the_wire_and_the_others_wait(broker: BrokerProcess) -> None:
    slow = Rules(by_path={"/slow": Rule(delay_seconds=0.5)})
    (suspect,) = await crashed_with(broker, job("suspect"))
    async with Receiver(rules=slow) as receiver:
        urls = (receiver.url + "/slow", receiver.url + "/ok")
        async with working(broker, *urls) as bench:
            await bench.put(job("other", app=2))
            await async_until(lambda: receiver.count == 1)
            assert alone(bench) == AloneJob(job_key(bench.source.name, suspect.id), 1)
            assert bench.words[board.SUSPECTS] == 1
            await async_until(lambda: receiver.count == 2)
            assert alone(bench) is None, "the other one was sent when it had ended"
            await async_until(bench.idle)
            assert bench.words[board.SUSPECTS] == 0
            assert bench.words[board.JOBS_DELIVERED] == 2


async def test_an_answer_that_does_not_come_lets_the_others_go_on(broker: BrokerProcess) -> None:
    silent = Rules(by_path={"/hang": Rule(silent=True)})
    await crashed_with(broker, job("suspect"))
    async with Receiver(rules=silent) as receiver:
        urls = (receiver.url + "/hang", receiver.url + "/ok")
        async with working(broker, *urls) as bench:
            await async_until(lambda: receiver.count == 1)
            began = time.monotonic()
            await bench.put(job("other", app=2))
            await async_until(lambda: receiver.count == 2)
            assert 0.5 < time.monotonic() - began < 2.0
            assert alone(bench) is None


async def test_with_two_crashes_it_stays_alone_until_it_has_ended(broker: BrokerProcess) -> None:
    slow = Rules(by_path={"/slow": Rule(delay_seconds=1.5)})
    await crashed_with(broker, job("suspect"), times=2)
    async with Receiver(rules=slow) as receiver:
        urls = (receiver.url + "/slow", receiver.url + "/ok")
        async with working(broker, *urls) as bench:
            await async_until(lambda: receiver.count == 1)
            began = time.monotonic()
            await bench.put(job("other", app=2))
            await async_until(lambda: receiver.count == 2)
            assert time.monotonic() - began > 1.2


async def test_what_killed_alone_is_buried_unsent(broker: BrokerProcess) -> None:
    (suspect,) = await crashed_with(broker, job("poison"), times=2)
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        key = job_key(bench.source.name, suspect.id)
        mark = frozenset({mark_of(suspect.id)})
        for death in (
            Death("w00", "crash", "SIGSEGV", 1, at_work=mark),
            Death("w01", "crash", "SIGSEGV", 2, alone=key, crashes=1, at_work=mark),
        ):
            bench.board.deaths.add(death)
        await async_until(lambda: bench.words[board.DEAD_POISON] == 1)
        assert receiver.count == 0
        (letter,) = (await bench.source.dead_letters(None, 10)).letters
        assert letter.reason.startswith("poison: w01 crashed (SIGSEGV) with this job alone")
        assert (letter.attempt, letter.crashes) == (1, 2)
        assert bench.words[board.POISON_NS] > 0
        # Replayed by somebody who knows better, it is a new job.
        assert await bench.source.replay([letter.id]) == [True]
        await async_until(lambda: receiver.count == 1)


async def test_one_that_failed_alone_is_no_suspect_at_its_next_try(broker: BrokerProcess) -> None:
    failing = Rules(default=Rule(status=500))
    await crashed_with(broker, job("innocent"))
    async with Receiver(rules=failing) as receiver, working(broker, receiver.url) as bench:
        await async_until(lambda: bench.words[board.RETRIED] == 1)
        bench.worker.pause()

    driver = MemoryDriver(MemorySettings(broker.socket_path))
    await driver.open()
    (source,) = driver.sources
    (lease,) = await async_until(lambda: source.claim(1, 0.1, "watch"))
    assert (lease.crashes, decode(lease.state).survived) == (1, 1)
    await driver.close()


async def test_a_drain_gives_back_who_waits_unharmed(broker: BrokerProcess) -> None:
    silent = Rules(default=Rule(silent=True))
    await crashed_with(broker, *[job(f"s{n}") for n in range(5)])
    async with Receiver(rules=silent) as receiver:
        async with working(broker, receiver.url) as bench:
            await bench.put(*[job(f"fresh-{n}") for n in range(5)])
            await async_until(lambda: receiver.count == 1)
            await async_until(lambda: bench.words[board.CLAIMED] == 10)
        assert receiver.count == 1
    driver = MemoryDriver(MemorySettings(broker.socket_path))
    await driver.open()
    (source,) = driver.sources
    leases = await source.claim(20, 1.0, "watch")
    assert sorted((lease.attempt, lease.crashes) for lease in leases) == [(1, 0)] * 5 + [(1, 1)] * 5
    await driver.close()
