"""The contract of ending and extending leases."""

from __future__ import annotations

import asyncio
import time

from support.contract.kit import MakeDriver, SourceKit

from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement


class SettlingContract(SourceKit):
    """Ack, retry, release, dead letter, extension: and all of them fenced."""

    async def test_ack_removes_the_job(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Ack(lease)]) == [True]
        await self.assert_empty(source)
        await self.assert_counts(source)

    async def test_a_second_ack_is_false(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Ack(lease)]) == [True]
        assert await source.settle([Ack(lease)]) == [False]

    async def test_the_same_lease_twice_in_a_batch_counts_once(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Ack(lease), Retry(lease, 0.0, b"late")]) == [True, False]
        await self.assert_empty(source)

    async def test_another_process_may_settle_for_the_owner(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        other = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await other.settle([Ack(lease)]) == [True]
        assert await source.settle([Ack(lease)]) == [False]

    async def test_settling_after_the_lease_was_lost_is_false(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver, lease_seconds=0.3)
        await self.put(source, 1)
        old = await self.take_one(source, "owner-1")
        await self.expire(source, 1)
        for late in (Ack(old), Retry(old, 0.0, b"x"), Dead(old, "late", b"x"), Release(old)):
            assert await source.settle([late]) == [False]
        lease = await self.take_one(source, "owner-2")
        assert (lease.id, lease.state) == (old.id, b"")
        assert await source.settle([Ack(old)]) == [False]
        assert await source.settle([Ack(lease)]) == [True]
        assert await self.all_dead(source) == []

    async def test_a_stale_receipt_of_the_same_owner_is_false(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        old = await self.take_one(source)
        assert await source.settle([Release(old)]) == [True]
        new = await self.take_one(source)
        assert (new.id, new.owner) == (old.id, old.owner)
        assert new.receipt != old.receipt
        late: list[Settlement] = [
            Ack(old),
            Retry(old, 0.0, b""),
            Dead(old, "late", b""),
            Release(old),
        ]
        assert await source.settle(late) == [False] * 4
        assert await source.extend([old], 60.0) == [False]
        assert await source.settle([Ack(new)]) == [True]

    async def test_a_retry_does_not_come_before_its_delay(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        start = time.monotonic()
        assert await source.settle([Retry(lease, 0.5, b"owed: a, b")]) == [True]
        await self.assert_empty(source)
        (again,) = await self.take_due(source, 1)
        assert 0.49 <= time.monotonic() - start < 0.5 + self.delay_resolution_seconds
        assert again.id == lease.id

    async def test_a_retry_keeps_the_charge_and_carries_state(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        (payload,) = await self.put(source, 1)
        lease = await self.take_one(source)
        for attempt in (2, 3):
            state = bytes(range(256)) + bytes([attempt])
            assert await source.settle([Retry(lease, 0.0, state)]) == [True]
            (again,) = await self.take_due(source, 1)
            assert (again.attempt, again.state) == (attempt, state)
            assert (again.id, again.payload) == (lease.id, payload)
            assert (again.crashes, again.receipt != lease.receipt) == (0, True)
            lease = again
        assert await source.settle([Retry(lease, 0.0, b"")]) == [True]
        (again,) = await self.take_due(source, 1)
        assert again.state == b""

    async def test_a_release_refunds_the_attempt_and_keeps_the_state(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        first = await self.take_one(source)
        assert await source.settle([Retry(first, 0.0, b"state-1")]) == [True]
        (second,) = await self.take_due(source, 1)
        assert await source.settle([Release(second)]) == [True]
        third = await self.take_one(source)
        assert (third.attempt, third.state, third.crashes) == (2, b"state-1", 0)
        assert await source.settle([Release(third, 0.0, b"state-2")]) == [True]
        fourth = await self.take_one(source)
        assert (fourth.attempt, fourth.state) == (2, b"state-2")
        assert await source.settle([Release(fourth, 0.0, b"")]) == [True]
        fifth = await self.take_one(source)
        assert (fifth.attempt, fifth.state, fifth.id) == (2, b"", first.id)

    async def test_a_release_with_a_delay_waits(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        start = time.monotonic()
        assert await source.settle([Release(lease, 0.5)]) == [True]
        await self.assert_empty(source)
        (again,) = await self.take_due(source, 1)
        assert 0.49 <= time.monotonic() - start < 0.5 + self.delay_resolution_seconds
        assert (again.attempt, again.id) == (1, lease.id)

    async def test_a_released_job_is_at_the_front(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 4)
        leases = await self.take(source, 2)
        assert await source.settle([Release(leases[0])]) == [True]
        rest = await self.take(source, 3)
        if self.fifo_release_front:
            assert [lease.payload for lease in rest] == [self.payload(n) for n in (0, 2, 3)]
        assert {lease.payload for lease in rest} == {self.payload(n) for n in (0, 2, 3)}

    async def test_a_batch_mixes_settlements(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 5)
        gone, acked, retried, buried, released = await self.take(source, 5)
        assert await source.settle([Ack(gone)]) == [True]
        batch: list[Settlement] = [
            Ack(acked),
            Retry(retried, 60.0, b"r"),
            Ack(gone),
            Dead(buried, "410 Gone", b"d"),
            Release(released),
        ]
        assert await source.settle(batch) == [True, True, False, True, True]
        await self.assert_counts(source, ready=1, delayed=1, dead=1)
        assert (await self.take_one(source)).id == released.id

    async def test_a_large_batch_is_settled_in_one_call(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 300)
        leases = await self.take(source, 300)
        assert await source.extend(leases, 60.0) == [True] * 300
        assert await source.settle([Ack(lease) for lease in leases]) == [True] * 300
        await self.assert_counts(source)

    async def test_empty_batches_answer_nothing(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        assert await source.settle([]) == []
        assert await source.extend([], 10.0) == []
        assert await source.replay([]) == []
        assert await source.drop([]) == []

    async def test_an_extended_lease_outlives_its_first_end(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=1.0)
        await self.put(source, 2)
        kept, lost = await self.take(source, 2)
        assert await source.extend([kept], 60.0) == [True]
        await self.expire(source, 1)  # the other one, so both first ends have passed
        await asyncio.sleep(0.05)
        assert await source.reclaim(None) == 0
        assert (await self.take_one(source, "owner-2")).id == lost.id
        assert await source.settle([Ack(kept), Ack(lost)]) == [True, False]

    async def test_a_lease_can_be_extended_again_and_again(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=0.6)
        await self.put(source, 1)
        lease = await self.take_one(source)
        for _ in range(4):
            assert await source.extend([lease], 0.6) == [True]
            assert await source.reclaim(None) == 0
            await asyncio.sleep(0.2)
        assert await source.settle([Ack(lease)]) == [True]

    async def test_extending_a_lost_lease_is_false(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=1.0)
        await self.put(source, 2)
        kept, lost = await self.take(source, 2)
        assert await source.extend([kept], 60.0) == [True]
        await self.expire(source, 1)
        assert await source.extend([lost, kept], 60.0) == [False, True]
        again = await self.take_one(source, "owner-2")
        assert await source.extend([lost, again], 60.0) == [False, True]

    async def test_extending_a_settled_lease_is_false(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Ack(lease)]) == [True]
        assert await source.extend([lease], 60.0) == [False]
