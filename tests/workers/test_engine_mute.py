"""Exchanges that are left alone for a moment: nothing of theirs is read, and nothing lost."""

from __future__ import annotations

import asyncio

from support.posts import Post
from support.raw_server import OK, Peer, RawServer, hanging
from support.until import async_until

from sockq.workers.engine import Engine
from sockq.workers.outcome import Fault


async def test_an_answer_that_came_meanwhile_counts_also_after_its_deadline(
    engine: Engine,
) -> None:
    answered: list[bool] = []
    muted: list[bool] = []

    def script(peer: Peer) -> None:
        while peer.read() is not None:
            while not muted and not peer._server.stopping.wait(0.005):
                pass
            peer.write(OK)
            answered.append(True)

    with RawServer(script) as server, RawServer() as other:
        post = Post(server.url, timeout=0.5)
        engine.submit(post)
        await async_until(lambda: len(server.requests) == 1)
        engine.mute()
        muted.append(True)
        await async_until(lambda: bool(answered))
        alone = Post(other.url)
        engine.submit(alone)
        assert (await alone.end()).delivered, "what begins later is read"
        await asyncio.sleep(0.7)  # beyond the deadline of the first
        assert post.outcomes == []
        engine.unmute()
        assert (await post.end()).delivered
        again = Post(server.url)
        engine.submit(again)
        assert (await again.end()).delivered
        assert server.accepted == 1, "on the same connection"


async def test_what_is_still_silent_afterwards_is_overdue(engine: Engine) -> None:
    with RawServer(hanging) as server:
        post = Post(server.url, timeout=0.2)
        engine.submit(post)
        await async_until(lambda: len(server.requests) == 1)
        engine.mute()
        await asyncio.sleep(0.4)  # beyond its deadline
        assert post.outcomes == []
        engine.unmute()
        assert (await post.end()).fault is Fault.TIMEOUT


async def test_a_drain_takes_muted_exchanges_too(engine: Engine) -> None:
    with RawServer(hanging) as server:
        post = Post(server.url)
        engine.submit(post)
        await async_until(lambda: len(server.requests) == 1)
        engine.mute()
        assert engine.abandon() == [post]
        engine.unmute()
        assert engine.in_flight == 0
