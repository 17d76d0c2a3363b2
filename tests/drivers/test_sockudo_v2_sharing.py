"""sockq and the server's own workers on one queue at once: leases, tokens, attempts."""

from __future__ import annotations

import pytest
from support.marks import marks
from support.redis_server import RedisServer
from support.until import async_until
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import job_data, new_id, now_ms

from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry
from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import LeaseSettings, RedisSettings, ReliabilitySettings

__all__ = ["open_queue"]


async def test_a_live_lease_of_the_server_is_never_touched(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.store(id_)
    deadline = now_ms() + 60_000
    token = await queue.lease_as_server(id_, deadline)
    assert await queue.source.claim(10, 0.0, "owner-1") == []
    assert await queue.source.reclaim(None) == 0
    assert await queue.source.reclaim("owner-1") == 0
    assert await queue.source.reclaim(token) == 0
    assert await queue.source.reclaim(token.partition(":")[0]) == 0
    forged = Lease(id_, b"", 1, "owner-1 0000000000000000:1", "owner-1")
    for settlement in (Ack(forged), Retry(forged, 0, b""), Dead(forged, "x", b""), Release(forged)):
        assert await queue.source.settle([settlement]) == [False]
    assert await queue.source.extend([forged], 1.0) == [False]
    assert await queue.table("tokens") == {id_: token}
    assert await queue.scores("active") == {id_: deadline}


async def test_an_expired_lease_of_the_server_keeps_its_charge(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.store(id_)
    await queue.lease_as_server(id_, now_ms() - 1, attempt=2)
    assert await queue.source.reclaim(None) == 1
    assert await queue.events() == [("stalled", id_)]
    assert await queue.run("LRANGE", "wait", 0, -1) == [id_.encode()]
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    # A server that stops leaves leases behind, so that their end is no crash.
    assert (lease.id, lease.attempt, lease.crashes) == (id_, 3, 0)


@pytest.mark.parametrize(("maximum", "attempt"), [(5, 5), (2, 3), (None, 4)])
async def test_the_servers_last_attempt_ends_in_its_dead_letters(
    open_queue: OpenQueue, maximum: int | None, attempt: int
) -> None:
    queue = await open_queue(reliability=ReliabilitySettings(max_attempts=4))
    id_ = new_id()
    await queue.store(id_, maximum=maximum)
    await queue.lease_as_server(id_, now_ms() - 1, attempt)
    assert await queue.source.claim(10, 0.0, "owner-1") == []
    (letter,) = (await queue.source.dead_letters(None, 10)).letters
    assert (letter.id, letter.reason, letter.attempt) == (id_, "lease-expired", attempt)
    assert await queue.events() == [("failed", id_)]


async def test_a_lease_looks_like_the_servers_to_the_server(open_queue: OpenQueue) -> None:
    queue = await open_queue(lease=LeaseSettings(lease_seconds=20.0))
    id_ = new_id()
    await queue.push(id_)
    before = now_ms()
    (lease,) = await queue.source.claim(1, 0.0, "host:worker-1")
    after = now_ms()
    assert await queue.table("tokens") == {id_: lease.receipt}
    assert before + 20_000 <= (await queue.scores("active"))[id_] <= after + 20_000
    assert await queue.source.extend([lease], 50.0) == [True]
    assert (await queue.scores("active"))[id_] >= before + 50_000
    assert await queue.table("attempts") == {id_: "1"}
    assert await queue.table("max-attempts") == {id_: "5"}


async def test_a_lease_that_a_server_took_over_is_lost(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    token = await queue.lease_as_server(id_, now_ms() + 60_000, attempt=2)
    assert await queue.source.settle([Ack(lease)]) == [False]
    assert await queue.source.extend([lease], 60.0) == [False]
    assert await queue.source.reclaim("owner-1") == 0
    assert await queue.table("tokens") == {id_: token}


@pytest.mark.parametrize("framed_maximum", [None, 5])
async def test_a_retry_gives_the_server_its_full_allowance(
    open_queue: OpenQueue, framed_maximum: int | None
) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_, maximum=framed_maximum)
    for attempt in range(1, 9):
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        assert lease.attempt == attempt
        assert await queue.source.settle([Retry(lease, 0.0, b"")]) == [True]
        # A server's claim charges one more and buries what is then above its maximum.
        assert await queue.table("max-attempts") == {id_: str(attempt + 5)}
    assert await queue.table("failures") == {id_: "processor-error"}


async def test_a_higher_maximum_of_a_job_is_kept(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_, maximum=50)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Retry(lease, 0.0, b"")])
    assert await queue.table("max-attempts") == {id_: "50"}


async def test_sockq_takes_a_job_whose_attempts_are_used_up(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push(id_, maximum=3)
    await queue.run("HSET", "attempts", id_, 3)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    assert lease.attempt == 4
    # Should this lease expire, a server's sweep buries at attempts >= maximum.
    assert await queue.table("max-attempts") == {id_: "5"}


async def test_a_release_and_a_reclaim_refund_the_attempt(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    ids = [new_id(), new_id()]
    for id_ in ids:
        await queue.push(id_)
    one, two = await queue.source.claim(2, 0.0, "owner-1")
    assert await queue.source.settle([Release(one)]) == [True]
    assert await queue.source.reclaim("owner-1", blamed=marks([one, two])) == 1
    assert await queue.table("attempts") == dict.fromkeys(ids, "0")
    assert await queue.table("tokens") == {}
    assert await queue.scores("active") == {}
    stored = await queue.table("jobs")
    assert '"sockq"' not in stored[one.id]
    assert stored[two.id].endswith('},"sockq":"1."}')


async def test_an_expired_lease_of_sockq_is_neither_charged_nor_a_crash(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue(lease=LeaseSettings(lease_seconds=0.02))
    id_ = new_id()
    await queue.push(id_)
    await queue.source.claim(1, 0.0, "owner-1")

    async def again() -> list[Lease]:
        return await queue.source.claim(1, 0.0, "owner-2")

    (lease,) = await async_until(again)
    assert (lease.attempt, lease.crashes) == (1, 0)
    assert ("stalled", id_) in await queue.events()


async def test_owners_with_odd_names_get_their_own_back_only(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    owners = ["a", "a b", "a:b", "a b c", "ä%[*"]
    for _ in owners:
        await queue.push(new_id())
    held = {owner: (await queue.source.claim(1, 0.0, owner))[0].id for owner in owners}
    for owner in owners:
        assert await queue.source.reclaim(owner) == 1
        (back,) = await queue.run("LRANGE", "wait", 0, -1)
        assert back.decode() == held[owner]
        await queue.run("DEL", "wait")


async def test_reclaiming_goes_through_more_leases_than_one_page(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    for _ in range(1_500):
        await queue.store(new_id())
    ids = await queue.run("HKEYS", "jobs")
    await queue.run("LPUSH", "wait", *ids)
    mine = await queue.source.claim(1_000, 0.0, "owner-1")
    others = await queue.source.claim(1_000, 0.0, "owner-2")
    assert (len(mine), len(others)) == (1_000, 500)
    ended = 0
    while count := await queue.source.reclaim("owner-2"):
        ended += count
    assert ended == 500
    assert set(await queue.table("tokens")) == {lease.id for lease in mine}


async def test_sweeps_are_bounded(open_queue: OpenQueue) -> None:
    queue = await open_queue(reliability=ReliabilitySettings(stalled_batch_size=10))
    for _ in range(25):
        id_ = new_id()
        await queue.store(id_)
        await queue.lease_as_server(id_, now_ms() - 1)
    assert [await queue.source.reclaim(None) for _ in range(4)] == [10, 10, 5, 0]
    for _ in range(25):
        id_ = new_id()
        await queue.store(id_)
        await queue.run("ZADD", "delayed", now_ms() - 1, id_)
    leases = await queue.source.claim(100, 0.0, "owner-1")
    assert len(leases) == 25 + 10


async def test_the_driver_serves_lists_and_structures_of_one_prefix(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    driver = RedisDriver(RedisSettings(redis_server.url, redis_prefix))
    await driver.open()
    old, *_, new = driver.sources
    assert new.name == redis_prefix.rstrip(":") + ":v2:{webhooks}"
    for source in (old, new):
        await source.enqueue([NewJob(job_data("x"))])
        assert len(await source.claim(10, 1.0, "owner-1")) == 1
        assert await source.reclaim("owner-1") == 1
    await driver.close()
