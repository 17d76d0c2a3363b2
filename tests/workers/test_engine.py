"""The engine over real sockets: lanes apart from each other, failing endpoints."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque

import pytest
from support.posts import Post, send
from support.raw_server import (
    OK,
    RawServer,
    answering,
    answering_after,
    closing_after,
    hanging,
)
from support.until import async_until

from sockq.workers.engine import Engine
from sockq.workers.outcome import Fault


async def test_at_most_the_cap_at_once_in_order(engine: Engine) -> None:
    release = threading.Event()
    with RawServer(answering_after(release, OK)) as server:
        posts = [Post(server.url, body=b"%d" % number) for number in range(40)]
        for post in posts:
            engine.submit(post)
        await async_until(lambda: len(server.requests) == 16)
        assert (engine.in_flight, engine.waiting) == (16, 24)
        assert {r.rpartition(b"\n")[2] for r in server.requests} == {b"%d" % n for n in range(16)}
        release.set()
        for post in posts:
            assert (await post.end()).delivered
        assert server.accepted == 16


class Feeder:
    """What a worker does: holds so many jobs at once; a parked one goes back to the queue."""

    def __init__(self, engine: Engine, posts: list[Post], budget: int) -> None:
        self.engine = engine
        self.queue = deque(posts)
        self.budget = budget
        self.held = 0
        self.parked = 0

    def feed(self) -> None:
        while self.queue and self.held < self.budget:
            self.held += 1
            self.engine.submit(self.queue.popleft())

    def over(self, post: Post) -> None:
        self.held -= 1
        self.parked += post.outcomes[0].parked_seconds > 0
        asyncio.get_running_loop().call_soon(self.feed)


async def test_ten_thousand_jobs_for_a_hanging_endpoint_do_not_delay_another(
    engine: Engine,
) -> None:
    with RawServer(hanging) as hung, RawServer() as server:
        feeder = Feeder(engine, [], budget=256)
        sick = [Post(hung.url, timeout=10.0, then=feeder.over) for _ in range(10_000)]
        well = Post(server.url, then=feeder.over)
        feeder.queue.extend([*sick, well])
        began = time.monotonic()
        feeder.feed()
        assert (await well.end()).delivered
        assert time.monotonic() - began < 2.5
        assert feeder.held <= 32  # its share of the budget stays small
        assert feeder.parked == 10_000 - 32
        parked = [p.outcomes[0].parked_seconds for p in sick if p.outcomes]
        assert all(1 <= seconds <= 10 for seconds in parked)
        assert len(set(parked)) > 100


async def test_a_fast_lane_is_never_parked_however_much_waits(engine: Engine) -> None:
    with RawServer(answering(OK)) as server:
        posts = [Post(server.url, timeout=60.0) for _ in range(20_000)]
        for post in posts:
            engine.submit(post)
        for post in posts:
            assert (await post.end()).delivered


async def test_a_loop_that_stood_still_neither_parks_nor_times_out(engine: Engine) -> None:
    with RawServer(answering(OK)) as server:
        await send(engine, Post(server.url))
        posts = [Post(server.url, timeout=1.0) for _ in range(100)]
        for post in posts:
            engine.submit(post)
        time.sleep(1.5)  # noqa: ASYNC251 - the loop is to stand still
        for post in posts:
            assert (await post.end()).delivered


async def test_it_recovers_after_the_breaker_and_slowly(
    *, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockq.workers.breaker.BASE_OPEN_SECONDS", 0.2)
    engine.chance = lambda: 0.5
    bad = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with RawServer(answering(*[bad] * 5, OK), answering(OK)) as server:
        for _ in range(5):
            assert (await send(engine, Post(server.url))).status == 503
        parked = await send(engine, Post(server.url))
        assert 0.0 < parked.parked_seconds < 1.0
        assert len(server.requests) == 5
        await asyncio.sleep(0.21)  # what is waited for is the passing of time itself
        posts = [Post(server.url) for _ in range(10)]
        for post in posts:
            engine.submit(post)
        await asyncio.sleep(0)
        assert engine.in_flight == 1
        for post in posts:
            assert (await post.end()).delivered


async def test_while_half_open_a_failed_probe_parks_what_waited(
    *, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockq.workers.breaker.BASE_OPEN_SECONDS", 0.2)
    engine.chance = lambda: 0.5
    bad = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with RawServer(answering(bad)) as server:
        for _ in range(5):
            await send(engine, Post(server.url))
        await asyncio.sleep(0.21)
        posts = [Post(server.url) for _ in range(50)]
        for post in posts:
            engine.submit(post)
        outcomes = [await post.end() for post in posts]
        assert [o.status for o in outcomes].count(503) == 1
        assert sum(o.parked_seconds > 0 for o in outcomes) == 49
        assert len(server.requests) == 6


async def test_too_many_requests_parks_the_lane(engine: Engine) -> None:
    answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    with RawServer(answering(answer)) as server:
        outcome = await send(engine, Post(server.url))
        assert (outcome.status, outcome.retry_after_seconds) == (429, 30.0)
        parked = await send(engine, Post(server.url))
        assert 29 < parked.parked_seconds <= 41
        assert (await send(engine, Post(server.url, lane="another app"))).status == 429


async def test_an_endpoint_that_closes_after_each_answer_is_served(engine: Engine) -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with RawServer(closing_after(answer)) as server:
        posts = [Post(server.url) for _ in range(60)]
        for post in posts:
            engine.submit(post)
        for post in posts:
            assert (await post.end()).delivered
        assert server.accepted >= 60
        assert not engine.connections or server.open


async def test_a_request_that_cannot_be_written_leaves_the_lane_as_it_was(engine: Engine) -> None:
    class Broken(Post):
        __slots__ = ()

        def wire_bytes(self) -> bytes:
            raise RuntimeError("no bytes")

    with RawServer() as server:
        await send(engine, Post(server.url))
        for _ in range(20):
            outcome = await send(engine, Broken(server.url))
            assert (outcome.fault, outcome.detail) == (Fault.INTERNAL, "RuntimeError")
        assert engine.in_flight == 0
        assert (await send(engine, Post(server.url))).delivered
        assert server.accepted == 1


async def test_done_may_submit_again(engine: Engine) -> None:
    with RawServer() as server:
        ended: list[Post] = []

        def again(post: Post) -> None:
            ended.append(post)
            if len(ended) < 200:
                engine.submit(Post(server.url, then=again))

        engine.submit(Post(server.url, then=again))
        await async_until(lambda: len(ended) == 200)
        assert all(post.outcomes == [post.outcomes[0]] for post in ended)
        assert server.accepted == 1
