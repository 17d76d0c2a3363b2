"""Connections that end at a bad moment: what is tried again, what is not."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import AsyncIterator

import pytest
from support.posts import SLACK_SECONDS, Post, send
from support.raw_server import OK, Peer, RawServer, Script, answering, closing_after, hanging
from support.until import async_until

from sockq.workers.engine import Engine
from sockq.workers.outcome import Fault
from sockq.workers.proxy import Proxies
from sockq.workers.settings import EngineSettings

DIRECT = Proxies({})


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), proxies=DIRECT)
    yield engine
    await engine.close()


async def test_reset_without_an_answer(engine: Engine) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.reset()

    with RawServer(script) as server:
        outcome = await send(engine, Post(server.url))
    assert outcome.fault is Fault.RESET
    assert outcome.detail


async def test_closed_without_an_answer(engine: Engine) -> None:
    with RawServer(closing_after(b"")) as server:
        assert (await send(engine, Post(server.url))).fault is Fault.RESET
        assert len(server.requests) == 1


def _once_then_silent_close(peer: Peer) -> None:
    """Answer one request; close when the second has come, without an answer."""
    peer.read()
    peer.write(OK)
    peer.read()


def _once_then_reset(peer: Peer) -> None:
    _once_then_silent_close(peer)
    peer.reset()


@pytest.mark.parametrize("first", [_once_then_silent_close, _once_then_reset])
async def test_a_reused_connection_that_died_gets_one_second_try(
    *, engine: Engine, first: Script
) -> None:
    with RawServer(first, answering(OK)) as server:
        assert (await send(engine, Post(server.url))).delivered
        post = Post(server.url)
        assert (await send(engine, post)).delivered
        assert post.sent == 2
        assert server.accepted == 2


async def test_the_second_try_is_the_last(engine: Engine) -> None:
    with RawServer(_once_then_silent_close, closing_after(b"")) as server:
        assert (await send(engine, Post(server.url))).delivered
        post = Post(server.url)
        assert (await send(engine, post)).fault is Fault.RESET
        assert (post.sent, server.accepted) == (2, 2)


async def _worst_lag(lags: list[float]) -> None:
    """Note how late the loop itself is, so that a missed deadline says whose fault it was."""
    while True:
        due = time.monotonic() + 0.01
        await asyncio.sleep(0.01)
        lags.append(time.monotonic() - due)


async def test_the_second_try_keeps_the_deadline(engine: Engine) -> None:
    lags = [0.0]
    watching = asyncio.ensure_future(_worst_lag(lags))
    with RawServer(_once_then_silent_close, hanging) as server:
        assert (await send(engine, Post(server.url))).delivered
        post = Post(server.url, timeout=0.4)
        began = time.monotonic()
        assert (await send(engine, post)).fault is Fault.TIMEOUT
        await asyncio.sleep(0.02)  # lets the watcher see what it has just missed
        assert 0.4 <= post.ended - began < 0.4 + SLACK_SECONDS, (
            f"the loop was up to {max(lags):.3f} s late"
        )
        assert (post.sent, engine.in_flight) == (2, 0)
    watching.cancel()


async def test_a_cut_answer_on_a_reused_connection_is_not_tried_again(engine: Engine) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.write(OK)
        peer.read()
        peer.write(b"HTTP/1.1 20")

    with RawServer(script) as server:
        assert (await send(engine, Post(server.url))).delivered
        assert (await send(engine, Post(server.url))).fault is Fault.TRUNCATED
        assert len(server.requests) == 2


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"x", b""])
async def test_an_idle_connection_that_speaks_or_ends_is_closed(
    *, engine: Engine, unasked: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.write(OK)
        peer._server.stopping.wait(0.05)
        peer.write(unasked)

    with RawServer(script) as server:
        for count in (1, 2):
            post = Post(server.url)
            assert (await send(engine, post)).delivered
            await async_until(lambda: not engine.connections)
            assert (post.sent, server.accepted) == (1, count)


async def test_closed_connections_leave_no_cycle_behind(engine: Engine) -> None:
    with RawServer(closing_after(OK)) as server:
        for _ in range(3):
            await send(engine, Post(server.url))
        await async_until(lambda: not engine.connections)
        gc.collect()
        assert not [o for o in gc.get_objects() if type(o).__name__ == "Connection"]


async def test_what_was_said_before_the_request_is_not_its_answer(engine: Engine) -> None:
    speak, spoken = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read()
        peer.write(OK)
        speak.wait(5)
        peer.write(b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\n\r\n")
        spoken.set()
        peer.hang()

    with RawServer(script, answering(OK)) as server:
        assert (await send(engine, Post(server.url))).delivered
        (connection,) = engine.connections
        connection._sock.shutdown(socket.SHUT_WR)  # sending fails at once from here on
        speak.set()
        spoken.wait(5)  # the loop stands still: it has not seen the 408 when the request comes
        post = Post(server.url)
        assert (await send(engine, post)).delivered
        assert (post.sent, server.accepted) == (2, 2)
