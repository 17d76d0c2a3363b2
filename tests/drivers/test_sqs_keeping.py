"""SQS messages given to a client that is gone, and what a receive brings to one that is there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import pytest
from support.sqs_server import SqsServer
from support.sqs_sources import CallLog, OpenQueue, Parameters, claim
from support.until import async_until

from sockq.drivers.job import Ack, NewJob
from sockq.drivers.sqs_claim import sort_out
from sockq.drivers.sqs_message import Message

WAITER = """
    import asyncio, sys
    from sockq.drivers.settings import SqsSettings
    from sockq.drivers.sqs import SqsDriver

    async def main():
        url, queue, fifo = sys.argv[1:4]
        driver = SqsDriver(SqsSettings(
            endpoint_url=url, queue=queue, fifo=bool(fifo), wait_time_seconds=20))
        await driver.open()
        await driver.sources[0].claim(10, 60.0, "dead-owner")

    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def stubborn() -> Iterator[SqsServer]:
    """A server that answers also who is gone."""
    with SqsServer(ends_receives=False) as server:
        yield server


@pytest.mark.parametrize("fifo", [False, True])
async def test_what_was_given_to_a_killed_client_is_back_within_seconds(
    fifo: bool, stubborn: SqsServer, sqs_server: SqsServer, sqs_open: OpenQueue, sqs_queue: str
) -> None:
    """The lease is 30 s long, and no journal knows of them."""
    source = await sqs_open(endpoint_url=stubborn.url, fifo=fifo, message_group_id=None)
    waiter = subprocess.Popen(  # noqa: ASYNC220 - starts in a millisecond
        [
            *(sys.executable, "-c", textwrap.dedent(WAITER)),
            *(stubborn.url, sqs_queue, "1" if fifo else ""),
        ],
        env={**os.environ, **sqs_server.environment},
    )
    try:
        assert await asyncio.to_thread(stubborn.said) == f"waits {source.name}"
    finally:
        waiter.kill()
        waiter.wait(10)
    ids = await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    assert await asyncio.to_thread(stubborn.said) == f"gave 3 of {source.name} to nobody"
    given = time.monotonic()
    leases = await claim(source, 3)
    assert 3.0 < time.monotonic() - given < 8.0
    assert sorted(lease.id for lease in leases) == sorted(ids)
    assert await source.settle([Ack(lease) for lease in leases]) == [True] * 3


@pytest.mark.parametrize("fifo", [False, True])
async def test_one_call_keeps_what_a_receive_brought(
    fifo: bool, sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open(fifo=fifo, message_group_id=None)
    await source.enqueue([NewJob(b"%d" % n) for n in range(10)])
    sqs_calls.calls.clear()
    leases = await claim(source, 10)
    assert sqs_calls.names() == ["receive_message", "change_message_visibility_batch"]
    (_, received), (_, kept) = sqs_calls.calls
    assert received["VisibilityTimeout"] == 5
    assert [entry["VisibilityTimeout"] for entry in kept["Entries"]] == [30] * 10
    other = await sqs_open(fifo=fifo)
    sqs_calls.calls.clear()
    assert await other.claim(10, 6.0, "other") == [], "hidden for 30 s, not 5"
    assert await source.settle([Ack(lease) for lease in leases]) == [True] * 10


async def test_a_short_lease_needs_no_second_call(sqs_open: OpenQueue, sqs_calls: CallLog) -> None:
    source = await sqs_open(lease_seconds=5.0)
    await source.enqueue([NewJob(b"{}")])
    sqs_calls.calls.clear()
    await claim(source, 1)
    assert set(sqs_calls.names()) == {"receive_message"}


async def test_what_cannot_be_kept_is_not_worked_on(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])

    def refuse_one(operation: str, parameters: Parameters) -> Parameters | None:
        if operation != "change_message_visibility_batch":
            return None
        sqs_calls.disturb = lambda *_: None
        first, *others = parameters["Entries"]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in others],
            "Failed": [{"Id": first["Id"], "Code": "MessageNotInflight", "SenderFault": True}],
        }

    sqs_calls.disturb = refuse_one
    leases = await source.claim(10, 2.0, "owner-1")
    assert len(leases) == 2
    assert await source.settle([Ack(lease) for lease in leases]) == [True] * 2
    (late,) = await claim(source, 1)
    assert late.crashes == 0, "nobody had worked on it"


async def test_a_claim_cancelled_while_it_keeps_loses_nothing(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    go_on = False

    def hold(operation: str, _: Parameters) -> Parameters | None:
        while operation == "change_message_visibility_batch" and not go_on:
            time.sleep(0.01)
        return None

    sqs_calls.disturb = hold
    cancelled = asyncio.create_task(source.claim(10, 5.0, "owner-1"))
    await async_until(lambda: "change_message_visibility_batch" in sqs_calls.names())
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    go_on = True
    start = time.monotonic()
    assert len(await claim(source, 3)) == 3
    assert time.monotonic() - start < 3.0


def message(number: int, group: str | None) -> Message:
    return Message(f"m{number}", "", b"", 1, group, "")


@pytest.mark.parametrize(
    ("groups", "lost", "wanted"),
    [
        ("---", set(), ("012", "", "")),
        ("---", {0}, ("12", "0", "")),
        ("aab", {0}, ("2", "0", "1")),
        ("aab", {1}, ("02", "1", "")),
        ("abaab", {0, 4}, ("1", "04", "23")),
    ],
)
def test_nobody_of_a_group_overtakes_one_that_is_lost(
    groups: str, lost: set[int], wanted: tuple[str, str, str]
) -> None:
    messages = [message(n, None if group == "-" else group) for n, group in enumerate(groups)]
    ours = {one.message_id for n, one in enumerate(messages) if n not in lost}
    found = sort_out(messages, ours)
    assert tuple("".join(m.message_id[1:] for m in part) for part in found) == wanted
