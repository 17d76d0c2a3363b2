"""Connections that cannot be opened: whose fault it is, who is told, and when."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import trustme
from support.posts import SLACK_SECONDS, Post, send
from support.raw_server import RawServer, hanging

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


@pytest.fixture
def refused() -> Iterator[str]:
    """A URL whose port refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes it
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A URL whose connection attempts get no answer: the backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        held = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            sock.connect_ex(("127.0.0.1", port))
            held.append(sock)
        yield f"http://127.0.0.1:{port}/"
        for sock in held:
            sock.close()


async def test_a_name_that_does_not_exist(engine: Engine) -> None:
    outcome = await send(engine, Post("http://name.invalid/"))
    assert outcome.fault is Fault.DNS
    assert outcome.detail.startswith("name.invalid: ")


async def test_a_port_that_refuses(*, engine: Engine, refused: str) -> None:
    outcome = await send(engine, Post(refused))
    assert outcome.fault is Fault.CONNECT
    assert "refused" in outcome.detail


@pytest.mark.parametrize(("connect", "bound"), [(0.3, 5.0), (5.0, 0.3)])
async def test_a_black_hole_is_a_timeout_for_all_who_waited(
    *, black_hole: str, connect: float, bound: float
) -> None:
    settings = EngineSettings(connect_timeout_seconds=connect)
    engine = Engine(settings, asyncio.get_running_loop(), proxies=DIRECT)
    posts = [Post(black_hole, timeout=bound) for _ in range(10)]
    began = time.monotonic()
    for post in posts:
        engine.submit(post)
    for post in posts:
        outcome = await post.end()
        assert (outcome.fault, outcome.status) == (Fault.TIMEOUT, 0)
        assert 0.3 <= post.ended - began < 0.3 + SLACK_SECONDS
    assert (await send(engine, Post(black_hole))).parked_seconds > 5
    await engine.close()


async def test_a_refusal_charges_few_and_parks_the_rest(*, engine: Engine, refused: str) -> None:
    posts = [Post(refused) for _ in range(100)]
    for post in posts:
        engine.submit(post)
    outcomes = [await post.end() for post in posts]
    faults = Counter(outcome.fault for outcome in outcomes)
    assert faults == {Fault.CONNECT: 5, None: 95}
    assert all(8 <= o.parked_seconds <= 30 for o in outcomes if o.fault is None)
    assert (engine.waiting, engine.in_flight) == (0, 0)


async def test_black_holes_leave_threads_to_others(black_hole: str) -> None:
    settings = EngineSettings(connect_threads=8, connect_timeout_seconds=2.0)
    engine = Engine(settings, asyncio.get_running_loop(), proxies=DIRECT)
    with RawServer() as server:
        for lane in ("a", "b", "c"):
            for _ in range(50):
                engine.submit(Post(black_hole, lane=lane))
        began = time.monotonic()
        assert (await send(engine, Post(server.url))).delivered
        assert time.monotonic() - began < SLACK_SECONDS
    await engine.close()


async def test_connecting_counts_towards_the_deadline() -> None:
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=_strict())
    with RawServer(hanging) as silent:  # takes the connection, never shakes hands
        post = Post(silent.url.replace("http:", "https:"), timeout=0.3)
        began = time.monotonic()
        assert (await send(engine, post)).fault is Fault.TIMEOUT
        assert 0.3 <= post.ended - began < 0.3 + SLACK_SECONDS
        assert post.sent == 0
    await engine.close()


def _strict() -> ssl.SSLContext:
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    return context
