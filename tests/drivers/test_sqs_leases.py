"""SQS leases: extended, received side by side, and given back when a process is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.marks import marks
from support.sqs_server import SqsServer
from support.sqs_sources import CallLog, OpenQueue, claim
from support.until import async_until

from sockq.drivers.job import Ack, NewJob, Release
from sockq.drivers.job_mark import mark_of


async def test_extending_reaches_beyond_the_visibility_timeout(sqs_open: OpenQueue) -> None:
    source = await sqs_open(lease_seconds=1.0)
    other = await sqs_open(lease_seconds=1.0)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert await source.extend([lease], 1.0) == [True]
        assert await other.claim(10, 0.3, "other") == []
    assert await source.settle([Ack(lease)]) == [True]


async def test_extensions_and_deletions_go_ten_a_call(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(25)])
    leases = await claim(source, 25)
    sqs_calls.calls.clear()
    assert await source.extend(leases, 60.0) == [True] * 25
    assert sqs_calls.names() == ["change_message_visibility_batch"] * 3
    sqs_calls.calls.clear()
    assert await source.settle([Ack(lease) for lease in leases]) == [True] * 25
    assert sqs_calls.names() == ["delete_message_batch"] * 3


async def test_a_claim_of_many_receives_side_by_side(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(100)])
    sqs_calls.calls.clear()
    leases = await claim(source, 100)
    assert len({lease.id for lease in leases}) == 100
    assert sqs_calls.count("receive_message") in range(10, 20)


async def test_an_idle_worker_makes_one_call_a_wait(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open(wait_time_seconds=2)
    sqs_calls.calls.clear()
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        await source.claim(16, 1.0, "owner-1")  # a claim ends, its receive goes on
    assert sqs_calls.names() in (["receive_message"] * 2, ["receive_message"] * 3)
    assert {given["WaitTimeSeconds"] for _, given in sqs_calls.calls} <= {0, 2}


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from sockq.drivers.settings import SqsSettings
    from sockq.drivers.sqs import SqsDriver

    async def main():
        url, queue, journal, fifo = sys.argv[1:5]
        driver = SqsDriver(SqsSettings(
            endpoint_url=url, queue=queue, journal=Path(journal), fifo=bool(fifo)))
        await driver.open()
        held = 0
        while held < 3:
            held += len(await driver.sources[0].claim(3 - held, 5.0, "dead-owner"))
        print("held", flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


@pytest.mark.parametrize("fifo", [False, True])
async def test_jobs_of_a_killed_process_come_back_at_once(
    fifo: bool, sqs_open: OpenQueue, sqs_server: SqsServer, sqs_queue: str, tmp_path: Path
) -> None:
    source = await sqs_open(fifo=fifo, message_group_id=None)
    ids = await source.enqueue([NewJob(b"%d" % n) for n in range(4)])
    worker = subprocess.Popen(  # noqa: ASYNC220 - starts in a millisecond
        [
            *(sys.executable, "-c", textwrap.dedent(WORKER), sqs_server.url, sqs_queue),
            *(str(tmp_path / "journal"), "1" if fifo else ""),
        ],
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    assert worker.stdout is not None
    assert await asyncio.to_thread(worker.stdout.readline) == b"held\n"
    (mine,) = await claim(source, 1, "owner-1")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    worker.stdout.close()
    assert await source.claim(10, 0.0, "owner-1") == []
    start = time.monotonic()
    blamed = frozenset(mark_of(id_) for id_ in ids)
    assert await source.reclaim("dead-owner", blamed=blamed) == 3
    leases = await claim(source, 3, "owner-2")
    assert time.monotonic() - start < 5.0, "not after the 30 s of the lease"
    assert {lease.id for lease in [mine, *leases]} == set(ids)
    assert [(lease.attempt, lease.crashes) for lease in leases] == [(1, 1)] * 3
    assert await source.reclaim("dead-owner") == 0
    assert await source.settle([Ack(mine)]) == [True], "a living owner's lease stays"
    assert not list((tmp_path / "journal").rglob("dead-owner*"))


async def test_without_a_journal_a_process_knows_of_itself(sqs_open: OpenQueue) -> None:
    source = await sqs_open(journal=None)
    other = await sqs_open(journal=None)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    assert await other.reclaim("owner-1") == 0
    assert await source.reclaim("owner-1", blamed=marks([lease])) == 1
    (again,) = await claim(other, 1, "owner-2")
    assert (again.id, again.crashes) == (lease.id, 1)
    assert await source.settle([Ack(lease)]) == [False]
    assert await other.settle([Ack(again)]) == [True]


async def test_what_came_for_nobody_goes_back_when_the_driver_is_closed(
    sqs_open: OpenQueue,
) -> None:
    source = await sqs_open()
    other = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    with source._inbox.claiming():
        source._inbox.want(10, 0.0)
        await async_until(lambda: len(source._inbox.messages) == 3)
    await source.give_back()
    leases = await claim(other, 3)
    assert [lease.crashes for lease in leases] == [0] * 3, "nobody had worked on them"
    await other.settle([Release(lease) for lease in leases])
