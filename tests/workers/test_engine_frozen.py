"""A process that stands still while a connection is opened charges nobody for that time."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from support.engine_fixtures import DIRECT
from support.posts import Post
from support.raw_server import OK, RawServer
from support.until import async_until

from sockq.workers.engine import Engine
from sockq.workers.settings import EngineSettings

TIMEOUT_SECONDS = 1.0
FROZEN_SECONDS = 1.5


class Deaf:
    """A port that lets nobody in until ``answer`` is called: its backlog is full."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{address[1]}/"
        self._held = [socket.socket() for _ in range(4)]
        for sock in self._held:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            sock.connect_ex(address)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Let all in, and answer each request; at once, before the loop does anything else."""
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await reader.readuntil(b"\r\n\r\n{}")
                writer.write(OK)

        async with await asyncio.start_server(serve, sock=self._listener):
            yield
            for writer in writers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    def close(self) -> None:
        for sock in (self._listener, *self._held):
            sock.close()


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    port = Deaf()
    yield port
    port.close()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """One thread opens all its connections."""
    settings = EngineSettings(connect_threads=1)
    engine = Engine(settings, asyncio.get_running_loop(), proxies=DIRECT)
    yield engine
    await engine.close()


async def test_an_opening_that_ended_while_the_loop_stood_still_is_tried_again(
    engine: Engine, deaf: Deaf
) -> None:
    post = Post(deaf.url, timeout=TIMEOUT_SECONDS)
    engine.submit(post)
    await async_until(lambda: engine.opening == 1)
    time.sleep(FROZEN_SECONDS)  # noqa: ASYNC251 - the loop is to stand still
    async with deaf.answering():
        outcome = await post.end()
    assert outcome.delivered, outcome
    assert outcome.elapsed_seconds < TIMEOUT_SECONDS


async def test_so_is_one_that_waited_for_a_thread(engine: Engine, deaf: Deaf) -> None:
    with RawServer() as server:
        posts = [Post(url, timeout=TIMEOUT_SECONDS) for url in (deaf.url, server.url)]
        for post in posts:
            engine.submit(post)
        await async_until(lambda: engine.opening == len(posts))
        time.sleep(FROZEN_SECONDS)  # noqa: ASYNC251 - the loop is to stand still
        async with deaf.answering():
            outcomes = [await post.end() for post in posts]
        assert all(outcome.delivered for outcome in outcomes), outcomes


async def test_time_that_the_loop_used_is_charged(engine: Engine, deaf: Deaf) -> None:
    """Only what stood still is given back: a port that stays deaf is a failure, soon after."""
    post = Post(deaf.url, timeout=TIMEOUT_SECONDS)
    engine.submit(post)
    await async_until(lambda: engine.opening == 1)
    time.sleep(FROZEN_SECONDS)  # noqa: ASYNC251 - the loop is to stand still
    thawed = time.monotonic()
    outcome = await post.end()
    assert outcome.reason == "timeout"
    assert time.monotonic() - thawed < 2 * TIMEOUT_SECONDS


CHILD = """
import asyncio, sys
from sockq.workers.endpoint import make_endpoint
from sockq.workers.engine import Engine
from sockq.workers.proxy import Proxies
from sockq.workers.request import Request
from sockq.workers.settings import EngineSettings

class Post(Request):
    endpoint = make_endpoint(sys.argv[1], {})
    lane, timeout_seconds = "one", float(sys.argv[2])
    def wire_bytes(self):
        return self.endpoint.static_head + b"Content-Length: 2\\r\\n\\r\\n{}"
    def done(self, outcome):
        over.set_result(outcome)

async def run():
    global over
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    engine = Engine(EngineSettings(), loop, proxies=Proxies({}))
    engine.submit(Post())
    while not engine.opening:
        await asyncio.sleep(0)
    print("opening", flush=True)
    print((await over).reason, flush=True)
    await engine.close()

asyncio.run(run())
"""


async def test_a_process_that_was_stopped_fails_no_opening(deaf: Deaf) -> None:
    """The system goes on knocking meanwhile, and is let in."""
    process = subprocess.Popen(  # noqa: ASYNC220 - its pipes are read in threads
        [sys.executable, "-c", CHILD, deaf.url, str(TIMEOUT_SECONDS)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == "opening\n"
            process.send_signal(signal.SIGSTOP)
            async with deaf.answering():
                await asyncio.sleep(FROZEN_SECONDS)  # what passes here is the point
                process.send_signal(signal.SIGCONT)
                assert await asyncio.to_thread(process.stdout.readline) == "status 200\n"
        finally:
            process.kill()
