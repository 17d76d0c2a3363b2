"""A worker that is frozen while it waits in the broker's line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Thread

from support.broker_process import BrokerProcess
from support.jobs import job
from support.until import async_until
from support.worker_bench import LEASE_SECONDS, working

from sockq.drivers.job import Ack, NewJob
from sockq.drivers.memory import MemoryDriver
from sockq.drivers.settings import MemorySettings
from sockq.supervisor.receiver import Receiver
from sockq.workers import board

JOBS = 16
#: Tries to meet the worker in the line, and not between two claims.
_TRIES = 20


async def test_what_was_claimed_during_a_freeze_is_not_sent_by_two(socket_dir: Path) -> None:
    """Its claim is answered, its leases end, others deliver; then it reads the answer."""
    with BrokerProcess(socket_dir / "broker", lease_seconds=LEASE_SECONDS) as broker:
        async with Receiver() as receiver, working(broker, receiver.url) as bench:
            await bench.put(job("first"))
            await async_until(lambda: receiver.count == 1)
            await async_until(bench.idle)
            for _ in range(_TRIES):
                if _others_take_over(broker):  # blocks this loop: the worker is frozen
                    break
                await asyncio.sleep(0.03)
            else:
                raise AssertionError("the worker was never in the line")
            await async_until(lambda: bench.words[board.LEASE_LOST] == JOBS)
            assert receiver.count == 1
            await bench.put(job("after"))
            await async_until(lambda: receiver.count == 2)
            await async_until(bench.idle)


def _others_take_over(broker: BrokerProcess) -> bool:
    """Meanwhile, in another thread; returns whether the worker's claim had got the jobs."""
    met: list[bool] = []
    others = Thread(target=lambda: met.append(asyncio.run(_meanwhile(broker.socket_path))))
    others.start()
    others.join()
    return met == [True]


async def _meanwhile(socket_path: Path) -> bool:
    driver = MemoryDriver(MemorySettings(socket_path))
    await driver.open()
    (source,) = driver.sources
    try:
        await source.enqueue([NewJob(job(f"c{n}")) for n in range(JOBS)])
        met = (await source.stats()).leased == JOBS
        taken = 0
        while taken < JOBS:
            await source.reclaim(None)
            leases = await source.claim(JOBS, 0.02, "w1")
            assert all(await source.settle([Ack(lease) for lease in leases]))
            taken += len(leases)
        return met
    finally:
        await driver.close()
