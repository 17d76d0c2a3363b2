"""The contract of the dead-letter store."""

from __future__ import annotations

import time

from support.contract.kit import MakeDriver, SourceKit, next_millisecond
from support.until import async_until

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry
from sockq.drivers.source import Source


class DeadLetterContract(SourceKit):
    """What is given up is kept, can be read page by page, put back, removed."""

    async def bury(self, source: Source, count: int, *, first: int = 0) -> list[Lease]:
        """Enqueue, claim and dead-letter ``count`` jobs one after the other."""
        buried = []
        for n in range(first, first + count):
            await self.put(source, 1, first=n)
            lease = await self.take_one(source)
            assert await source.settle([Dead(lease, f"reason {n}", b"")]) == [True]
            buried.append(lease)
            await next_millisecond()
        return buried

    async def test_a_dead_letter_keeps_all_of_the_job(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        (payload,) = await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Retry(lease, 0.0, b"first")]) == [True]
        (lease,) = await self.take_due(source, 1)
        before_ms = time.time_ns() // 1_000_000
        state = bytes(range(256))
        assert await source.settle([Dead(lease, "410 Gone: größer als nötig", state)]) == [True]
        (letter,) = await self.all_dead(source)
        assert (letter.id, letter.payload) == (lease.id, payload)
        assert (letter.reason, letter.state) == ("410 Gone: größer als nötig", state)
        assert (letter.attempt, letter.crashes) == (2, 0)
        assert before_ms - 5_000 < letter.died_at_ms < before_ms + 60_000
        await self.assert_empty(source)
        await self.assert_counts(source, dead=1)

    async def test_a_dead_letter_remembers_its_crashes(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver, lease_seconds=1.0)
        await self.put(source, 1)
        await self.lose(source, await self.take_one(source))
        again = await self.take_one(source, "owner-2")
        assert await source.settle([Dead(again, "crashed its worker", b"")]) == [True]
        (letter,) = await self.all_dead(source)
        assert (letter.attempt, letter.crashes) == (1, 1)

    async def test_replay_brings_a_job_back_for_a_first_try(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        (payload,) = await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Retry(lease, 0.0, b"old state")]) == [True]
        (lease,) = await self.take_due(source, 1)
        assert await source.settle([Dead(lease, "gone", b"last state")]) == [True]
        assert await source.replay([lease.id]) == [True]
        assert await self.all_dead(source) == []
        again = await self.take_one(source)
        assert (again.id, again.payload) == (lease.id, payload)
        assert (again.attempt, again.state) == (1, b"last state"), "who is owed stays known"
        assert await source.replay([lease.id]) == [False]
        assert await source.settle([Ack(lease)]) == [False]
        assert await source.settle([Ack(again)]) == [True]
        await self.assert_counts(source)

    async def test_a_replayed_job_can_die_again(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        (lease,) = await self.bury(source, 1)
        assert await source.replay([lease.id]) == [True]
        again = await self.take_one(source)
        assert await source.settle([Dead(again, "again", b"")]) == [True]
        (letter,) = await self.all_dead(source)
        assert (letter.id, letter.reason) == (lease.id, "again")

    async def test_drop_removes_for_good(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        leases = await self.bury(source, 3)
        assert await source.drop([leases[1].id]) == [True]
        left = [letter.id for letter in await self.all_dead(source)]
        assert left == [leases[0].id, leases[2].id]
        assert await source.drop([leases[1].id]) == [False]
        assert await source.replay([leases[1].id]) == [False]
        await self.assert_empty(source)

    async def test_unknown_ids_are_false_and_living_jobs_untouched(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1)
        lease = await self.take_one(source)
        (buried,) = await self.bury(source, 1, first=5)
        assert await source.replay(["no-such-id", lease.id]) == [False, False]
        assert await source.drop(["no-such-id", lease.id, buried.id]) == [False, False, True]
        assert await source.settle([Ack(lease)]) == [True]

    async def test_dead_letters_come_in_pages_oldest_first(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        leases = await self.bury(source, 7)
        letters = await self.all_dead(source, page_size=3)
        assert [letter.id for letter in letters] == [lease.id for lease in leases]
        assert [letter.reason for letter in letters] == [f"reason {n}" for n in range(7)]
        page = await source.dead_letters(None, 3)
        assert [letter.id for letter in page.letters] == [lease.id for lease in leases[:3]]
        assert page.cursor is not None
        assert await source.dead_letters(page.cursor, 3) == await source.dead_letters(
            page.cursor, 3
        )

    async def test_letters_that_died_together_are_all_listed_once(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 25)
        leases = await self.take(source, 25)
        await source.settle([Dead(lease, "together", b"") for lease in leases])
        letters = await self.all_dead(source, page_size=4)
        assert sorted(letter.id for letter in letters) == sorted(lease.id for lease in leases)

    async def test_a_page_goes_on_although_its_last_letter_was_replayed(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        leases = await self.bury(source, 5)
        page = await source.dead_letters(None, 2)
        assert page.cursor is not None
        assert await source.replay([letter.id for letter in page.letters]) == [True, True]
        rest = await source.dead_letters(page.cursor, 10)
        assert [letter.id for letter in rest.letters] == [lease.id for lease in leases[2:]]

    async def test_an_empty_store_is_one_empty_page(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        page = await source.dead_letters(None, 10)
        assert (page.letters, page.cursor) == ([], None)

    async def test_a_dead_letter_may_be_kept_with_another_payload(
        self, make_driver: MakeDriver
    ) -> None:
        source = await self.opened(make_driver)
        kept = self.payload(77)
        await self.put(source, 1)
        lease = await self.take_one(source)
        assert await source.settle([Dead(lease, "gone", b"owed", kept)]) == [True]
        (letter,) = await self.all_dead(source)
        assert (letter.id, letter.payload, letter.state) == (lease.id, kept, b"owed")
        assert await source.replay([lease.id]) == [True]
        again = await self.take_one(source)
        assert (again.id, again.payload, again.state) == (lease.id, kept, b"owed")
        assert await source.settle([Release(again)]) == [True]
        assert (await self.take_one(source)).payload == kept

    async def test_a_replay_may_put_another_payload_back(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        first, second = await self.bury(source, 2)
        back = self.payload(77)
        given = {second.id: back, "no-such-id": back}
        assert await source.replay([first.id, second.id, "no-such-id"], given) == [
            True,
            True,
            False,
        ]
        found = {lease.id: lease for lease in await self.take(source, 2)}
        assert found[first.id].payload == first.payload
        assert found[second.id].payload == back
        assert found[second.id].attempt == 1
        await self.assert_counts(source, leased=2)

    async def test_the_oldest_beyond_a_number_are_trimmed(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        leases = await self.bury(source, 5)
        await self.assert_counts(source, dead=5)
        assert await source.trim_dead(0, 0.0) == 0
        assert await source.trim_dead(5, 0.0) == 0
        assert await source.trim_dead(3, 0.0) == 2
        letters = await self.all_dead(source)
        assert [letter.id for letter in letters] == [lease.id for lease in leases[2:]]
        assert await source.trim_dead(3, 0.0) == 0
        assert await source.replay([leases[0].id, leases[4].id]) == [False, True]
        await self.assert_counts(source, ready=1, dead=2)

    async def test_those_beyond_an_age_are_trimmed(self, make_driver: MakeDriver) -> None:
        source = await self.opened(make_driver)
        await self.put(source, 1, first=9)
        living = await self.take_one(source)
        await self.bury(source, 2)
        died_at_ms = (await self.all_dead(source))[-1].died_at_ms
        age_seconds = 3.0
        await async_until(
            lambda: time.time_ns() // 1_000_000 > died_at_ms + age_seconds * 1000 + 100, 10.0
        )
        (young,) = await self.bury(source, 1, first=2)
        assert await source.trim_dead(10, age_seconds) == 2
        assert [letter.id for letter in await self.all_dead(source)] == [young.id]
        assert await source.settle([Ack(living)]) == [True]
        await self.assert_counts(source, dead=1)
