"""The memory queue's state machine, move by move."""

from __future__ import annotations

import pytest

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease, NewJob
from sockq.drivers.memory_record import ANSWER_BYTES
from sockq.drivers.memory_store import RECLAIM_LIMIT, MemoryStore


def store_of(capacity: int = 100) -> MemoryStore:
    return MemoryStore("p", capacity)


def put(store: MemoryStore, *names: str, delay: float = 0.0, now: float = 0.0) -> list[str]:
    return store.enqueue([NewJob(name.encode(), id=name) for name in names], delay, now)


def take(
    store: MemoryStore, limit: int = 100, *, owner: str = "o", now: float = 0.0
) -> list[Lease]:
    return store.claim(limit, owner, 30.0, now)


def names(leases: list[Lease]) -> str:
    return "".join(lease.id for lease in leases)


def counts(store: MemoryStore, now: float = 0.0) -> tuple[int | None, ...]:
    stats = store.stats(now)
    return stats.ready, stats.leased, stats.delayed, stats.dead


# Eviction.


def test_the_oldest_ready_job_is_evicted_when_full() -> None:
    store = store_of(capacity=3)
    put(store, "a", "b", "c", "d")
    put(store, "e")
    assert store.evicted == 2
    assert names(take(store)) == "cde"


def test_ready_jobs_are_evicted_before_delayed_ones() -> None:
    store = store_of(capacity=3)
    put(store, "x", delay=50.0)
    put(store, "a", "b", "c")
    assert store.evicted == 1
    assert names(take(store)) == "bc"
    assert names(take(store, now=50.0)) == "x"


def test_the_job_that_is_delayed_for_longest_is_evicted_next() -> None:
    store = store_of(capacity=2)
    put(store, "x", delay=90.0)
    put(store, "y", delay=50.0, now=1.0)
    put(store, "z", delay=70.0, now=2.0)
    assert store.evicted == 1
    assert store.next_due() == 51.0
    assert names(take(store, now=1_000.0)) == "yz"


def test_a_leased_job_is_never_evicted() -> None:
    store = store_of(capacity=2)
    put(store, "a", "b")
    (lease,) = take(store, 1)
    put(store, "c", "d", "e")
    assert names(take(store)) == "e"
    assert store.evicted == 3
    assert store.ack(lease.receipt)


def test_a_queue_full_of_leased_jobs_takes_no_more() -> None:
    store = store_of(capacity=2)
    put(store, "a", "b")
    one, _two = take(store)
    with pytest.raises(BackendUnavailable, match="full"):
        put(store, "c")
    assert counts(store) == (0, 2, 0, 0)
    assert store.ack(one.receipt)
    assert put(store, "c") == ["c"]
    assert store.evicted == 0


def test_a_replayed_job_needs_room_too() -> None:
    store = store_of(capacity=2)
    put(store, "a", "b")
    for lease in take(store):
        store.bury(lease.receipt, "gone", b"", 1)
    put(store, "c", "d")
    assert store.replay(["a"], 0.0) == [True]
    assert store.evicted == 1
    one, two = take(store)
    assert names([one, two]) == "da"
    with pytest.raises(BackendUnavailable, match="full"):
        store.replay(["b"], 0.0)
    assert counts(store) == (0, 2, 0, 1)


def test_trimming_takes_the_oldest_in_bounded_steps() -> None:
    store = store_of(capacity=3_000)
    put(store, *(str(n) for n in range(2_500)))
    for age_ms, lease in enumerate(store.claim(5_000, "o", 30.0, 0.0)):
        store.bury(lease.receipt, "gone", b"", 10_000 + age_ms)
    assert counts(store) == (0, 0, 0, 2_500)
    assert store.trim_dead(0, 0.0, 20_000) == 0
    assert [store.trim_dead(1_000, 0.0, 20_000) for _ in range(3)] == [1_000, 500, 0]
    assert store.trim_dead(2_000, 8.0, 20_000) == 500, "died before 12.0 s"
    assert [letter.id for letter in store.dead_letters(None, 2).letters] == ["2000", "2001"]
    assert store.evicted == 0


def test_evicted_delayed_jobs_leave_no_heap_behind() -> None:
    store = store_of(capacity=10)
    for n in range(5_000):
        put(store, str(n), delay=1_000.0)
    assert store.evicted == 4_990
    assert len(store._due) < 1_100
    assert len(take(store, now=2_000.0)) == 10


# Ids.


def test_ids_are_chosen_when_none_is_given() -> None:
    store, other = MemoryStore("p"), MemoryStore("q")
    ids = store.enqueue([NewJob(b"x"), NewJob(b"x")], 0.0, 0.0)
    ids += other.enqueue([NewJob(b"x")], 0.0, 0.0)
    assert len(set(ids)) == 3


@pytest.mark.parametrize("place", ["ready", "leased", "delayed", "dead"])
def test_an_id_is_added_once_wherever_the_job_is(place: str) -> None:
    store = store_of()
    put(store, "a", delay=9.0 if place == "delayed" else 0.0)
    if place in {"leased", "dead"}:
        (lease,) = take(store)
        if place == "dead":
            store.bury(lease.receipt, "gone", b"", 1)
    before = counts(store)
    assert put(store, "a") == ["a"]
    assert counts(store) == before
    with pytest.raises(BackendRefused, match="'a' is in the queue with another payload"):
        store.enqueue([NewJob(b"new"), NewJob(b"other", id="a")], 0.0, 0.0)
    assert counts(store) == before


def test_an_id_twice_in_a_batch_with_two_payloads_is_refused() -> None:
    store = store_of()
    with pytest.raises(BackendRefused, match="'a'"):
        store.enqueue([NewJob(b"1", id="a"), NewJob(b"2", id="a")], 0.0, 0.0)
    assert counts(store) == (0, 0, 0, 0)


def test_an_acked_id_can_come_again() -> None:
    store = store_of()
    put(store, "a")
    store.ack(take(store)[0].receipt)
    put(store, "a")
    assert names(take(store)) == "a"


# Time and order.


def test_a_delayed_job_is_due_at_its_time_and_not_before() -> None:
    store = store_of()
    put(store, "a", delay=5.0, now=10.0)
    assert store.next_due() == 15.0
    assert take(store, now=14.999) == []
    assert names(take(store, now=15.0)) == "a"
    assert store.next_due() is None


def test_due_jobs_become_ready_in_the_order_of_their_times() -> None:
    store = store_of()
    put(store, "c", delay=3.0)
    put(store, "a", delay=1.0)
    put(store, "b", delay=2.0)
    put(store, "z")
    assert names(take(store, now=9.0)) == "zabc"


def test_reclaimed_jobs_go_to_the_front_in_the_order_of_their_claims() -> None:
    store = store_of(capacity=10_000)
    ids = [f"{n:05}" for n in range(RECLAIM_LIMIT * 2 + 500)]
    put(store, *ids)
    take(store, len(ids))
    put(store, "last")
    ended = []
    while n := store.reclaim("o", 0.0):
        ended.append(n)
    assert ended == [RECLAIM_LIMIT, RECLAIM_LIMIT, 500]
    assert [lease.id for lease in take(store, 10_000)] == [*ids, "last"]


def test_a_lease_expires_at_its_deadline_and_not_before() -> None:
    store = store_of()
    put(store, "a")
    (lease,) = take(store)
    assert store.reclaim(None, 29.9) == 0
    assert store.extend(lease.receipt, 30.0, 20.0)
    assert store.reclaim(None, 49.9) == 0
    assert store.reclaim(None, 50.0) == 1
    assert not store.ack(lease.receipt)


def test_the_age_is_that_of_the_oldest_ready_job() -> None:
    store = store_of()
    assert store.stats(100.0).oldest_seconds == 0.0
    put(store, "a", now=100.0)
    put(store, "b", now=105.0)
    assert store.stats(110.0).oldest_seconds == 10.0
    (lease,) = take(store, 1, now=110.0)
    assert store.stats(110.0).oldest_seconds == 5.0
    store.release(lease.receipt, 0.0, None, 111.0)
    assert store.stats(111.0).oldest_seconds == 11.0


def test_a_claim_does_not_grow_beyond_what_an_answer_holds() -> None:
    store = store_of()
    big = b"x" * (ANSWER_BYTES // 2 + 1)
    store.enqueue([NewJob(big), NewJob(big), NewJob(big + big), NewJob(b"y")], 0.0, 0.0)
    assert [len(take(store)) for _ in range(4)] == [1, 1, 1, 1]


def test_a_page_does_not_grow_beyond_what_an_answer_holds() -> None:
    store = store_of()
    big = b"x" * (ANSWER_BYTES // 2 + 1)
    store.enqueue([NewJob(big), NewJob(big)], 0.0, 0.0)
    for lease in (*take(store), *take(store)):
        store.bury(lease.receipt, "gone", b"", 1)
    page = store.dead_letters(None, 10)
    assert len(page.letters) == 1
    assert len(store.dead_letters(page.cursor, 10).letters) == 1


def test_a_strange_cursor_is_refused() -> None:
    with pytest.raises(BackendRefused, match="no cursor"):
        store_of().dead_letters("x", 10)
