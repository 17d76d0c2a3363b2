"""The none driver: no queue, said aloud."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

import pytest

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Lease, NewJob
from sockq.drivers.none import NoneDriver
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import NoneSettings
from sockq.drivers.source import DeadPage, QueueStats, Source

LEASE = Lease(id="a", payload=b"{}", attempt=1, receipt="r", owner="o")


@pytest.fixture
async def driver() -> NoneDriver:
    driver = NoneDriver()
    await driver.open()
    return driver


@pytest.fixture
def source(driver: NoneDriver) -> Source:
    (source,) = driver.sources
    return source


def test_the_registry_makes_it() -> None:
    driver = make_driver(NoneSettings())
    assert isinstance(driver, NoneDriver)
    assert driver.name == "none"


async def test_a_claim_waits_its_time_and_returns_nothing(source: Source) -> None:
    start = time.monotonic()
    assert await source.claim(10, 0.1, "owner") == []
    assert time.monotonic() - start >= 0.09


async def test_a_claim_without_a_wait_returns_at_once(source: Source) -> None:
    async with asyncio.timeout(1.0):
        assert await source.claim(10, 0.0, "owner") == []


async def test_what_is_enqueued_is_refused_with_the_way_out(source: Source) -> None:
    with pytest.raises(BackendRefused, match=r"queue\.driver is none.*set queue\.driver"):
        await source.enqueue([NewJob(b"{}")])
    assert await source.enqueue([]) == []


async def test_everything_counts_zero(source: Source) -> None:
    assert await source.stats() == QueueStats(
        ready=0, leased=0, delayed=0, dead=0, oldest_seconds=0.0, evicted=0
    )


async def test_nothing_can_be_settled_or_given_back(source: Source) -> None:
    assert await source.settle([Ack(LEASE), Ack(LEASE)]) == [False, False]
    assert await source.extend([LEASE], 1.0) == [False]
    assert await source.reclaim("owner") == 0
    assert await source.reclaim(None) == 0


async def test_there_are_no_dead_letters(source: Source) -> None:
    assert await source.dead_letters(None, 10) == DeadPage([], None)
    assert await source.replay(["a"]) == [False]
    assert await source.drop(["a", "b"]) == [False, False]


def test_its_name_says_that_nothing_is_delivered(source: Source) -> None:
    assert "nothing is delivered" in source.name


async def test_closing_ends_a_waiting_claim_and_every_verb(
    driver: NoneDriver, source: Source
) -> None:
    claim = asyncio.create_task(source.claim(1, 60.0, "owner"))
    await asyncio.sleep(0)
    await driver.close()
    await driver.close()
    verbs: list[Awaitable[object]] = [
        claim,
        source.claim(1, 0.0, "owner"),
        source.settle([Ack(LEASE)]),
        source.extend([LEASE], 1.0),
        source.reclaim(None),
        source.stats(),
        source.enqueue([NewJob(b"{}")]),
        source.dead_letters(None, 1),
        source.replay(["a"]),
        source.drop(["a"]),
    ]
    for verb in verbs:
        with pytest.raises(BackendUnavailable, match="closed"):
            await verb
