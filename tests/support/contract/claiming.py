"""The contract of claiming and enqueueing."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.contract.kit import PATIENCE_SECONDS, MakeDriver, SourceKit

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Lease, NewJob


class ClaimingContract(SourceKit):
    """Who gets which job, and when."""

    async def test_a_claim_leases_the_job_and_charges_attempt_one(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        (payload,) = await self.put(source, 1)
        lease = await self.take_one(source, "host:worker-1:77")
        assert lease.payload == payload
        assert (lease.attempt, lease.owner) == (1, "host:worker-1:77")
        assert (lease.state, lease.crashes) == (b"", 0)
        assert 1 <= len(lease.id.encode()) <= 512
        assert lease.receipt

    async def test_a_leased_job_is_given_to_nobody_else(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        other = await self.opened(make_driver)
        await self.put(source, 1)
        await self.take_one(source)
        await self.assert_empty(other)

    async def test_two_claimers_never_share_a_job(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        other = await self.opened(make_driver)
        await self.put(source, 10)
        mine = await self.take(source, 5, "owner-1")
        theirs = await self.take(other, 5, "owner-2")
        assert len({lease.id for lease in mine + theirs}) == 10
        assert len({lease.receipt for lease in mine + theirs}) == 10

    async def test_jobs_come_in_the_order_of_the_queue(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        payloads = await self.put(source, 12)
        payloads += await self.put(source, 3, first=12)
        leases = [*await self.take(source, 7), *await self.take(source, 8)]
        got = [lease.payload for lease in leases]
        if self.keeps_order:
            assert got == payloads
        assert sorted(got) == sorted(payloads)

    async def test_the_limit_is_respected(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 5)
        assert len(await source.claim(3, 1.0, "owner-1")) in range(1, 4)
        assert len(await source.claim(1, 1.0, "owner-1")) == 1

    async def test_a_claim_on_an_empty_queue_waits_its_time(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        start = time.monotonic()
        assert await source.claim(5, 0.4, "owner-1") == []
        took = time.monotonic() - start
        assert took < 0.4 + 1.0
        if self.waits_fully:
            assert took >= 0.39

    async def test_a_claim_without_a_wait_returns_at_once(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        start = time.monotonic()
        assert await source.claim(5, 0.0, "owner-1") == []
        assert time.monotonic() - start < 0.5

    async def test_a_waiting_claim_wakes_when_a_job_comes(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        producer = await self.opened(make_driver)
        took = []
        for n in range(3):
            claim = asyncio.create_task(source.claim(5, PATIENCE_SECONDS, "owner-1"))
            await asyncio.sleep(0.1)  # the claim has no visible sign of waiting
            assert not claim.done()
            start = time.monotonic()
            await self.put(producer, 1, first=n)
            (lease,) = await claim
            took.append(time.monotonic() - start)
            assert lease.payload == self.payload(n)
        assert min(took) < self.instant_wakeup_seconds

    async def test_a_waiting_claim_holds_up_no_other_verb(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        claim = asyncio.create_task(source.claim(1, 5.0, "owner-1"))
        await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
        start = time.monotonic()
        await source.stats()
        assert await source.extend([lease], 30.0) == [True]
        assert await source.settle([Ack(lease)]) == [True]
        assert time.monotonic() - start < 2.0
        await self.put(source, 1, first=1)
        assert [lease.payload for lease in await claim] == [self.payload(1)]

    async def test_several_claims_of_one_source_can_wait(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        claims = [asyncio.create_task(source.claim(1, 5.0, f"owner-{i}")) for i in range(3)]
        await asyncio.sleep(0.05)  # the claims have no visible sign of waiting
        await self.put(source, 3)
        got = [lease for leases in await asyncio.gather(*claims) for lease in leases]
        missing = 3 - len(got)  # a claim may come back early and empty
        got += await self.take(source, missing) if missing else []
        assert len({lease.id for lease in got}) == 3

    async def test_a_cancelled_claim_loses_nothing(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=0.3)
        other = await self.opened(make_driver, lease_seconds=0.3)
        rounds = 24
        for n in range(rounds):
            claim = asyncio.create_task(source.claim(2, 5.0, "owner-1"))
            if n % 3:
                await asyncio.sleep(0.002)
            await self.put(other, 1, first=n)
            for _ in range(n % 6):  # hit different moments of the exchange
                await asyncio.sleep(0)
            claim.cancel()
            await asyncio.gather(claim, return_exceptions=True)
        done = await self.drain(other, rounds)
        assert {lease.payload for lease in done} == {self.payload(n) for n in range(rounds)}
        await self.assert_empty(other)

    async def test_the_source_works_on_after_a_cancelled_claim(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        claim = asyncio.create_task(source.claim(1, 5.0, "owner-1"))
        await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
        claim.cancel()
        await asyncio.gather(claim, return_exceptions=True)
        await self.put(source, 2)
        leases = await self.take(source, 2)
        assert await source.settle([Ack(lease) for lease in leases]) == [True, True]

    async def test_a_thousand_jobs_and_eight_claimers_make_no_duplicate(
        self, make_driver: MakeDriver
    ) -> None:
        producer = await self.opened(make_driver)
        sources = [await self.opened(make_driver) for _ in range(8)]
        total = 1_000
        for first in range(0, total, 100):
            await self.put(producer, 100, first=first)
        done: list[Lease] = []

        async def work(number: int) -> None:
            source = sources[number]
            while len(done) < total:
                leases = await source.claim(1 + number * 5, 0.1, f"owner-{number}")
                assert await source.settle([Ack(lease) for lease in leases]) == [True] * len(leases)
                done.extend(leases)

        await asyncio.wait_for(asyncio.gather(*map(work, range(8))), 40)
        assert len(done) == total
        assert len({lease.id for lease in done}) == total
        assert len({lease.payload for lease in done}) == total
        await self.assert_empty(producer)

    async def test_enqueue_returns_the_ids_that_leases_carry(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        ids = await source.enqueue([NewJob(self.payload(n)) for n in range(4)])
        assert len(set(ids)) == 4
        leases = await self.take(source, 4)
        if self.enqueue_knows_ids:
            assert {lease.payload: lease.id for lease in leases} == {
                self.payload(n): id_ for n, id_ in enumerate(ids)
            }
        assert len({lease.id for lease in leases}) == 4

    async def test_equal_payloads_are_different_jobs(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await source.enqueue([NewJob(self.payload(1)) for _ in range(3)])
        await source.enqueue([NewJob(self.payload(1))])
        leases = await self.take(source, 4)
        assert len({lease.id for lease in leases}) == 4

    async def test_an_explicit_id_is_kept_and_added_once(self, make_driver: MakeDriver) -> None:
        if not self.explicit_ids:
            pytest.skip("the format has no room for an id")
        source = await self.opened(make_driver)
        job = NewJob(self.payload(1), id="0123456789abcdef0123456789abcdef")
        assert await source.enqueue([job]) == [job.id]
        assert await source.enqueue([job]) == [job.id]  # repeated after a lost answer
        lease = await self.take_one(source)
        assert (lease.id, lease.payload) == (job.id, job.payload)
        await self.assert_empty(source)

    async def test_a_delayed_job_waits_for_its_time(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        start = time.monotonic()
        jobs = [NewJob(self.payload(1)), NewJob(self.payload(2))]
        if not self.delays_enqueued:
            with pytest.raises(BackendRefused, match="delay"):
                await source.enqueue(jobs, 0.5)
            await self.assert_empty(source)
            return
        await source.enqueue(jobs, 0.5)
        leases = await self.take_due(source, 2)
        took = time.monotonic() - start
        assert 0.49 <= took < 0.5 + self.delay_resolution_seconds
        assert {lease.payload for lease in leases} == {self.payload(1), self.payload(2)}
        assert [lease.attempt for lease in leases] == [1, 1]

    async def test_a_waiting_claim_gets_a_delayed_job_when_it_is_due(
        self, make_driver: MakeDriver
    ) -> None:
        if not self.claim_promotes_due:
            pytest.skip("due jobs become ready by reclaim(None) only")
        if not self.delays_enqueued:
            pytest.skip("enqueue cannot delay")
        source = await self.opened(make_driver)
        await source.enqueue([NewJob(self.payload(1))], 0.3)
        start = time.monotonic()
        await self.take(source, 1, wait_seconds=5.0)
        assert 0.2 <= time.monotonic() - start < 0.3 + self.delay_resolution_seconds

    async def test_nothing_is_enqueued_for_no_jobs(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        assert await source.enqueue([]) == []
        await self.assert_counts(source)

    async def test_every_byte_survives_or_is_refused(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        payload = bytes(range(256)) * 2
        if not self.any_bytes:
            with pytest.raises(BackendRefused, match=r"\w+ \w+"):
                await source.enqueue([NewJob(payload)])
            await self.assert_empty(source)
            return
        await source.enqueue([NewJob(payload)])
        assert (await self.take_one(source)).payload == payload

    async def test_a_payload_of_one_mebibyte_survives(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        payload = self.payload(1, size_bytes=1 << 20)
        if self.largest_payload_bytes is not None:
            with pytest.raises(BackendRefused, match=r"too large.* bytes"):
                await source.enqueue([NewJob(payload)])
            await self.assert_empty(source)
            spare = self.largest_payload_bytes - len(self.payload(1))
            payload = self.payload(1, size_bytes=spare)
        await source.enqueue([NewJob(payload)])
        assert (await self.take_one(source)).payload == payload
