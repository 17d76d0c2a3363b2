"""The pool starts a thread whenever something would wait for one that is taken already."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from support.until import until

from sockq.workers import threads
from sockq.workers.blocking import BlockingPool
from sockq.workers.threads import Threads


def alive(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_work_that_hangs_keeps_no_other_work_waiting() -> None:
    """Repeated: threads that are on their way to work must not be taken for idle ones."""
    for _ in range(50):
        pool = Threads(8, "t-hang")
        over, begun = threading.Event(), threading.Semaphore(0)

        def hang(begun: threading.Semaphore = begun, over: threading.Event = over) -> None:
            begun.release()
            over.wait(10)

        for _ in range(8):
            pool.do(hang)
        try:
            assert all(begun.acquire(timeout=5) for _ in range(8))
        finally:
            over.set()
            pool.close()
    until(lambda: not alive("t-hang"))


def test_a_thread_serves_what_comes_one_after_the_other() -> None:
    pool = Threads(8, "t-one")
    used = set()
    for _ in range(20):
        done = threading.Event()

        def work(done: threading.Event = done) -> None:
            used.add(threading.current_thread())
            done.set()

        pool.do(work)
        assert done.wait(5)
        time.sleep(0.001)  # it is idle again
    assert len(used) < 20
    pool.close()


def test_there_are_never_more_than_the_limit() -> None:
    pool = Threads(3, "t-limit")
    over = threading.Event()
    order: list[int] = []
    for number in range(10):

        def work(number: int = number) -> None:
            over.wait(10)
            order.append(number)

        pool.do(work)
    assert alive("t-limit") == 3
    over.set()
    until(lambda: len(order) == 10)
    assert sorted(order) == list(range(10))
    pool.close()
    until(lambda: not alive("t-limit"))


def test_threads_end_when_they_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.02)
    pool = Threads(4, "t-idle")
    for _ in range(2):
        done = threading.Event()
        pool.do(done.set)
        assert done.wait(5)
        until(lambda: not alive("t-idle"))


async def test_results_and_errors_come_to_the_loop() -> None:
    pool = BlockingPool(2, "t-pool")
    assert await pool.submit(lambda: 7) == 7

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await pool.submit(fail)
    pool.close()


async def test_what_was_cancelled_before_it_began_is_left_out() -> None:
    pool = BlockingPool(1, "t-cancel")
    over = threading.Event()
    first = pool.submit(lambda: over.wait(10))
    seen: list[int] = []
    second = pool.submit(lambda: seen.append(2))
    third = pool.submit(lambda: seen.append(3))
    second.cancel()
    over.set()
    await asyncio.gather(first, third)
    assert seen == [3]
    pool.close()
