"""The engine over real sockets: how it stops, and what it closes and forgets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.engine_fixtures import DIRECT
from support.posts import Post, send
from support.raw_server import OK, RawServer, answering, hanging
from support.until import async_until

from sockq.workers.engine import Engine
from sockq.workers.outcome import Outcome
from sockq.workers.settings import EngineSettings


def _files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_take_waiting_leaves_what_is_on_the_wire(engine: Engine) -> None:
    with RawServer(hanging) as server:
        posts = [Post(server.url, timeout=30) for _ in range(20)]
        for post in posts:
            engine.submit(post)
        assert engine.waiting == 20
        await async_until(lambda: engine.in_flight == 16)
        taken = engine.take_waiting()
        assert taken == [post for post in posts if not post.sent]
        assert (len(taken), engine.in_flight, engine.waiting) == (4, 16, 0)
        deadline = engine.oldest_deadline
        assert deadline is not None
        assert 25 < deadline - time.monotonic() <= 30
        left = engine.abandon()
        assert {id(r) for r in left} == {id(p) for p in posts if p.sent}
        assert (engine.in_flight, engine.waiting, engine.oldest_deadline) == (0, 0, None)
        await async_until(lambda: server.open == 0)
        assert not any(post.outcomes for post in posts)


async def test_the_engine_goes_on_after_abandon(engine: Engine) -> None:
    with RawServer(hanging, hanging, answering(OK)) as server:
        for _ in range(2):
            engine.submit(Post(server.url))
        await async_until(lambda: engine.in_flight == 2)
        assert len(engine.abandon()) == 2
        assert (await send(engine, Post(server.url))).delivered


async def test_close_while_connecting_leaves_nothing_open(engine: Engine) -> None:
    before = _files()
    with RawServer() as server:
        for number in range(50):
            engine.submit(Post(server.url, lane=f"app-{number}"))
        await engine.close()
        await async_until(lambda: server.open == 0)
    await async_until(lambda: _files() <= before)


async def test_idle_connections_are_closed_and_clean_lanes_forgotten() -> None:
    settings = EngineSettings(idle_seconds=0.2)
    engine = Engine(settings, asyncio.get_running_loop(), proxies=DIRECT)
    with RawServer() as server:
        await send(engine, Post(server.url))
        assert len(engine.connections) == 1
        await async_until(lambda: server.open == 0)
        await async_until(lambda: not engine._routes)
        assert engine._tidying is None
        assert (await send(engine, Post(server.url))).delivered
        assert server.accepted == 2
    await engine.close()


async def test_old_connections_are_renewed(
    *, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server:
        await send(engine, Post(server.url))
        monkeypatch.setattr("sockq.workers.engine.MAX_AGE_SECONDS", 0.0)
        engine._tidy()
        assert (await send(engine, Post(server.url))).delivered
        assert server.accepted == 2


async def test_ten_thousand_lanes_leak_neither_files_nor_memory() -> None:
    settings = EngineSettings(idle_seconds=0.2)
    engine = Engine(settings, asyncio.get_running_loop(), proxies=DIRECT, idle_limit=64)
    before = _files()
    most = 0
    ended: list[Outcome] = []

    with RawServer(answering(OK)) as server:
        endpoint = Post(server.url).endpoint

        def over(post: Post) -> None:
            nonlocal most
            ended.append(post.outcomes[0])
            most = max(most, len(engine.connections))
            _next()

        numbers = iter(range(10_000))

        def _next() -> None:
            number = next(numbers, None)
            if number is not None:
                engine.submit(Post(endpoint, lane=f"app-{number}", timeout=30, then=over))

        for _ in range(32):
            _next()
        await async_until(lambda: len(ended) == 10_000, within=50)
        assert all(outcome.delivered for outcome in ended)
        assert most <= 64 + 32
        await async_until(lambda: not engine._routes and not engine.connections)
        assert not engine._openings
        await async_until(lambda: server.open == 0)
        assert _files() <= before + 8
    await engine.close()
