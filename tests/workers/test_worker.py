"""One worker in this process, on a real broker, towards a real receiver."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.broker_process import BrokerProcess
from support.jobs import job
from support.until import async_until
from support.worker_bench import LEASE_SECONDS, working

from sockq.supervisor.receiver import Receiver
from sockq.supervisor.receiver_rules import Rule, Rules
from sockq.workers import board
from sockq.workers.board import WorkerState
from sockq.workers.own_fault import MOST_TRIES
from sockq.workers.unix_clock import unix_ms


async def test_a_request_longer_than_its_lease_is_sent_once(broker: BrokerProcess) -> None:
    """Held leases are extended while the endpoint takes its time."""
    slow = Rules(default=Rule(delay_seconds=3 * LEASE_SECONDS))
    async with Receiver(rules=slow) as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("slow"))
        await async_until(lambda: receiver.count == 1)
        deadline = time.monotonic() + 4 * LEASE_SECONDS
        while not await bench.idle():
            assert await bench.source.reclaim(None) == 0, "the lease ran out"
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert receiver.count == 1
        assert bench.words[board.DELIVERED] == 1


async def test_a_lost_lease_is_noticed_and_counted(broker: BrokerProcess) -> None:
    """Somebody took the job away: the settlement says so, and nothing is counted twice."""
    slow = Rules(default=Rule(delay_seconds=0.3))
    async with Receiver(rules=slow) as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("taken"))
        await async_until(lambda: receiver.count == 1)
        assert await bench.source.reclaim("w0") == 1
        await async_until(lambda: receiver.count == 2)
        await async_until(bench.idle)
        await async_until(lambda: bench.words[board.LEASE_LOST] == 1)
        assert bench.words[board.DELIVERED] == 1
        ids = {dict(r.headers)["X-Sockq-Delivery-Id"] for r in receiver.received}
        assert len(ids) == 1


async def test_no_more_is_held_than_there_is_room(broker: BrokerProcess) -> None:
    silent = Rules(default=Rule(silent=True))
    async with (
        Receiver(rules=silent) as receiver,
        working(broker, receiver.url, in_flight=8) as bench,
    ):
        await bench.put(*[job(f"c{n}") for n in range(40)])
        await async_until(lambda: receiver.count == 8)
        stats = await bench.source.stats()
        assert (stats.leased, stats.ready) == (8, 32)


async def test_a_paused_worker_claims_nothing(broker: BrokerProcess) -> None:
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("first"))
        await async_until(lambda: receiver.count == 1)
        bench.worker.pause()
        assert bench.words[board.STATE] == WorkerState.PAUSED
        # The claim that waits already may still take what comes; the next one must not.
        await bench.put(job("second"))
        await async_until(bench.idle)
        await bench.put(job("third"))
        with pytest.raises(AssertionError):
            await async_until(lambda: receiver.count == 3, within=0.3)
        bench.worker.resume()
        await async_until(lambda: receiver.count == 3)


async def test_an_outage_is_a_state_and_ends_by_itself(broker: BrokerProcess) -> None:
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("before"))
        await async_until(lambda: receiver.count == 1)
        broker.kill()
        await async_until(lambda: bench.words[board.STATE] == WorkerState.DEGRADED)
        assert bench.words[board.BACKEND_DOWN_SINCE_NS]
        with BrokerProcess(broker.socket_path, lease_seconds=LEASE_SECONDS):
            await async_until(lambda: bench.words[board.STATE] == WorkerState.READY)
            await bench.put(job("after"))
            await async_until(lambda: receiver.count == 2)
            assert bench.words[board.BACKEND_DOWN_SINCE_NS] == 0


async def test_a_fault_of_ours_costs_neither_the_worker_nor_the_job(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The job waits and is tried again; the log names the place and shows nothing of the job."""
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        with monkeypatch.context() as broken:
            broken.setattr("sockq.workers.dispatcher.plan", lambda *_: 1 / 0)
            await bench.put(job("unlucky"))
            await async_until(lambda: bench.words[board.RETRIED] == 1)
        await bench.put(job("lucky"))
        await async_until(lambda: receiver.count == 1)
        assert (await bench.source.stats()).delayed == 1
    log = capfd.readouterr().err
    assert "internal-error" in log
    assert "ZeroDivisionError" in log
    assert "unlucky" not in log


async def test_a_fault_of_ours_that_stays_ends_the_job(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is kept as a dead letter, which a mended version may replay."""
    monkeypatch.setattr("sockq.workers.own_fault.FIRST_DELAY_SECONDS", 0.0)
    monkeypatch.setattr("sockq.workers.dispatcher.plan", lambda *_: 1 / 0)
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("unlucky"))
        await async_until(lambda: bench.words[board.DEAD] == 1)
        (letter,) = (await bench.source.dead_letters(None, 10)).letters
    assert letter.reason == "internal error: ZeroDivisionError"
    assert letter.attempt == MOST_TRIES
    assert "job-dead" in capfd.readouterr().err


async def test_a_clock_behind_that_of_the_last_try_delays_nothing(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue has waited already; which host claims the job must not matter."""
    monkeypatch.setattr("sockq.workers.dispatcher.unix_ms", lambda: unix_ms() - 3_600_000)
    weak = Rules(default=Rule(sequence=(503, 200)))
    async with Receiver(rules=weak) as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("weak"))
        await async_until(lambda: bench.words[board.DELIVERED] == 1)
        assert receiver.count == 2
