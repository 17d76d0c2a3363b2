"""The contract of giving back what dead owners held, of counting, and of closing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from support.contract.kit import PATIENCE_SECONDS, MakeDriver, SourceKit
from support.marks import marks

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Dead, NewJob, Release, Retry
from sockq.drivers.source import Source


class ReclaimingContract(SourceKit):
    """No job stays with an owner that is gone, and none is given back twice."""

    async def _with_janitor(self, make_driver: MakeDriver) -> tuple[Source, Source]:
        """The source as a worker has it, and as its janitor; skips where owners are not known."""
        if not self.reclaims_by_owner:
            pytest.skip("the backend gives jobs back by expiry only")
        return await self.opened(make_driver), await self.opened(make_driver)

    async def test_reclaim_gives_back_exactly_what_the_owner_held(
        self, make_driver: MakeDriver
    ) -> None:
        source, janitor = await self._with_janitor(make_driver)
        await self.put(source, 5)
        held = await self.take(source, 3, "owner-1")
        others = await self.take(source, 2, "owner-10")  # a longer name, not a prefix match
        assert await _reclaim_all(janitor, "owner-1", marks(held)) == 3
        assert await _reclaim_all(janitor, "owner-1") == 0
        assert await source.settle([Ack(held[0])]) == [False]
        assert await source.extend(others, 30.0) == [True, True]
        again = await self.take(source, 3, "owner-2")
        assert {lease.id for lease in again} == {lease.id for lease in held}
        assert [(lease.attempt, lease.crashes) for lease in again] == [(1, 1)] * 3
        assert await source.settle([Ack(lease) for lease in others]) == [True, True]

    async def test_every_crash_is_counted_and_no_attempt_charged(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver, lease_seconds=0.3)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Retry(lease, 0.0, b"kept")]) == [True]
        for crashes in (0, 1, 2):
            (lease,) = await self.take_due(source, 1, f"owner-{crashes}")
            assert (lease.attempt, lease.crashes, lease.state) == (2, crashes, b"kept")
            await self.lose(source, lease)

    async def test_only_a_crash_speaks_against_what_was_held(self, make_driver: MakeDriver) -> None:
        source, janitor = await self._with_janitor(make_driver)
        await self.put(source, 3)
        for owner, crashed, crashes in (
            ("drained", False, 0),
            ("crashed", True, 1),
            ("recycled", False, 1),
            ("killed", True, 2),
        ):
            leases = await self.take(source, 3, owner)
            blamed = marks(leases if crashed else ())
            assert await _reclaim_all(janitor, owner, blamed) == 3
            again = await self.take(source, 3, "next")
            assert [(lease.attempt, lease.crashes) for lease in again] == [(1, crashes)] * 3
            assert await source.settle([Release(lease) for lease in again]) == [True] * 3

    async def test_only_what_was_at_work_is_blamed(self, make_driver: MakeDriver) -> None:
        source, janitor = await self._with_janitor(make_driver)
        await self.put(source, 3)
        first, *waiting = await self.take(source, 3, "owner-1")
        assert await _reclaim_all(janitor, "owner-1", marks([first])) == 3
        again = await self.take(source, 3, "owner-2")
        assert {lease.id: lease.crashes for lease in again} == {
            first.id: 1,
            **dict.fromkeys((lease.id for lease in waiting), 0),
        }

    async def test_waiting_in_a_dead_worker_forgives_no_crash(
        self, make_driver: MakeDriver
    ) -> None:
        source, janitor = await self._with_janitor(make_driver)
        await self.put(source, 1)
        for owner, at_work, crashes in (("one", True, 1), ("two", True, 2), ("three", False, 2)):
            leases = await self.take(source, 1, owner)
            blamed = marks(leases if at_work else ())
            assert await _reclaim_all(janitor, owner, blamed) == 1
            (lease,) = await self.take(source, 1, "looks")
            assert (lease.attempt, lease.crashes) == (1, crashes)
            assert await _reclaim_all(janitor, "looks") == 1

    async def test_an_expired_lease_speaks_against_nobody(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=self.sure_lease_seconds)
        await self.put(source, 1)
        for _ in range(2):
            lease = await self.take_one(source)
            assert (lease.attempt, lease.crashes) == (1, 0)
            await self.expire(source, 1)

    async def test_an_owner_that_holds_nothing_gives_nothing(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        await self.take_one(source, "owner-1")
        assert await source.reclaim("nobody") == 0
        await self.assert_counts(source, leased=1)

    async def test_a_sweep_returns_only_what_has_expired(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=1.0)
        await self.put(source, 4)
        leases = await self.take(source, 4)
        assert await source.reclaim(None) == 0
        assert await source.extend(leases[:2], 60.0) == [True, True]
        await self.expire(source, 2)
        again = await self.take(source, 2, "owner-2")
        assert {lease.id for lease in again} == {lease.id for lease in leases[2:]}
        assert [(lease.attempt, lease.crashes) for lease in again] == [(1, 0)] * 2
        assert await source.settle([Ack(lease) for lease in leases]) == [True, True, False, False]

    async def test_ten_sweepers_at_once_move_each_job_once(self, make_driver: MakeDriver) -> None:
        sources = [await self.opened(make_driver, lease_seconds=0.3) for _ in range(10)]
        await self.put(sources[0], 40)
        held = await self.take(sources[0], 40)
        ended = 0
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while ended < 40 and asyncio.get_running_loop().time() < deadline:
            ended += sum(await asyncio.gather(*(source.reclaim(None) for source in sources)))
        assert ended == 40
        await self.assert_counts(sources[0], ready=40)
        done = await self.drain(sources[0], 40)
        assert {lease.id for lease in done} == {lease.id for lease in held}
        await self.assert_empty(sources[0])

    async def test_the_id_is_stable_over_every_move(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=self.sure_lease_seconds)
        await self.put(source, 2)
        first = await self.take_one(source)
        assert await source.settle([Retry(first, 0.0, b"s")]) == [True]
        ids = {first.id}
        leases = await self.take_due(source, 2)
        ids.update(lease.id for lease in leases)
        assert len(ids) == 2
        receipts = {lease.receipt for lease in leases} | {first.receipt}
        assert len(receipts) == 3
        await source.settle([Release(leases[0]), Release(leases[1], 0.05)])
        leases = await self.take_due(source, 2, "owner-2")
        assert {lease.id for lease in leases} == ids
        await self.expire(source, 2)
        leases = await self.take(source, 2, "owner-3")
        assert {lease.id for lease in leases} == ids
        await source.settle([Dead(lease, "gone", b"") for lease in leases])
        assert {letter.id for letter in await self.all_dead(source)} == ids
        assert await source.replay(sorted(ids)) == [True, True]
        assert {lease.id for lease in await self.take_due(source, 2)} == ids

    async def test_stats_follow_every_move(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.assert_counts(source)
        await self.put(source, 4)
        await self.assert_counts(source, ready=4)
        one, two, three = await self.take(source, 3)
        await self.assert_counts(source, ready=1, leased=3)
        await source.settle([Retry(one, 60.0, b"")])
        await self.assert_counts(source, ready=1, leased=2, delayed=1)
        await source.settle([Dead(two, "gone", b"")])
        await self.assert_counts(source, ready=1, leased=1, delayed=1, dead=1)
        await source.settle([Release(three)])
        await self.assert_counts(source, ready=2, delayed=1, dead=1)
        later = 0
        if self.delays_enqueued:
            await source.enqueue([NewJob(self.payload(9))], 60.0)
            later = 1
        await self.assert_counts(source, ready=2, delayed=1 + later, dead=1)
        assert await source.replay([two.id]) == [True]
        await self.assert_counts(source, ready=3, delayed=1 + later)
        assert (await source.stats()).evicted == 0

    async def test_the_oldest_ready_job_has_an_age(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        age = (await source.stats()).oldest_seconds
        assert age is None or age == 0.0
        await self.put(source, 1)
        age = (await source.stats()).oldest_seconds
        assert age is None or 0.0 <= age < 60.0

    async def test_every_verb_of_a_closed_driver_raises_ours(self, make_driver: MakeDriver) -> None:
        keeper = await self.opened(make_driver)
        driver = await make_driver()
        source = self.source_of(driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        await driver.close()
        await driver.close()
        verbs: list[Awaitable[object]] = [
            source.claim(1, 0.0, "owner-1"),
            source.settle([Ack(lease)]),
            source.extend([lease], 1.0),
            source.reclaim(None),
            source.reclaim("owner-1"),
            source.stats(),
            source.enqueue([NewJob(self.payload(1))]),
            source.dead_letters(None, 1),
            source.replay(["x"]),
            source.drop(["x"]),
        ]
        for verb in verbs:
            with pytest.raises((BackendUnavailable, BackendRefused)) as caught:
                await verb
            text = str(caught.value)
            assert text
            assert "\n" not in text
        assert await keeper.settle([Ack(lease)]) == [True]

    async def test_closing_ends_a_claim_that_waits(self, make_driver: MakeDriver) -> None:
        keeper = await self.opened(make_driver)
        driver = await make_driver()
        claim = asyncio.create_task(self.source_of(driver).claim(1, 30.0, "owner-1"))
        await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
        await driver.close()
        async with asyncio.timeout(5.0):
            (ended,) = await asyncio.gather(claim, return_exceptions=True)
        assert ended == [] or isinstance(ended, BackendUnavailable | BackendRefused)
        await self.put(keeper, 1)
        assert len(await self.drain(keeper, 1)) == 1


async def _reclaim_all(source: Source, owner: str, blamed: frozenset[str] = frozenset()) -> int:
    """Call ``reclaim`` until it answers 0 and return the sum, as the janitor does."""
    total = 0
    while ended := await source.reclaim(owner, blamed=blamed):
        total += ended
    return total
