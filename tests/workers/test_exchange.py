"""One exchange against receivers that do what real ones do, good and bad, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import trustme
from support.posts import SLACK_SECONDS, Post, send
from support.raw_server import OK, Peer, RawServer, Script, answering, closing_after, hanging
from support.tls import serving, trusting
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


def _answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


# Answers


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK, 200),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 102 P\r\n\r\n" * 8 + OK, 200),
        (_answer("404 Not Found"), 404),
        (_answer("500 Oh", body=b"x" * 100), 500),
        (_answer("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8b not gzip at all"), 200),
    ],
)
async def test_status_and_the_connection_is_used_again(
    *, engine: Engine, answer: bytes, status: int
) -> None:
    with RawServer(answering(answer)) as server:
        for _ in range(3):
            outcome = await send(engine, Post(server.url))
            assert (outcome.status, outcome.fault) == (status, None)
        assert server.accepted == 1


async def test_request_is_what_the_request_said_once(engine: Engine) -> None:
    with RawServer() as server:
        post = Post(server.url, body=b'{"a":1}')
        await send(engine, post)
        assert server.requests == [post.endpoint.static_head + b'Content-Length: 7\r\n\r\n{"a":1}']


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        OK + OK,
        OK + b"HTTP/1.1 5",
        OK + b"\x00garbage",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_connection_is_closed_when_it_cannot_be_trusted(
    *, engine: Engine, answer: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.write(answer)
        peer.wait_for_close()

    with RawServer(script) as server:
        for count in (1, 2):
            outcome = await send(engine, Post(server.url))
            assert outcome.delivered
            assert server.accepted == count


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nno length: the end of the stream ends it",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nold",
    ],
)
async def test_a_complete_2xx_head_is_success_whatever_becomes_of_the_body(
    *, engine: Engine, answer: bytes
) -> None:
    with RawServer(closing_after(answer)) as server:
        assert (await send(engine, Post(server.url))).delivered


@pytest.mark.parametrize("cut", [1, 9, 15, 17, 30, 39])
async def test_a_cut_head_is_truncated_never_success(*, engine: Engine, cut: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    assert len(head) == 38
    with RawServer(closing_after(head[: min(cut, 37)])) as server:
        outcome = await send(engine, Post(server.url))
    assert (outcome.status, outcome.fault) == (0, Fault.TRUNCATED)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"h" * 20_000,
    ],
)
async def test_what_is_not_an_answer_is_a_bad_response(*, engine: Engine, answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.write(answer)
        peer.wait_for_close()

    with RawServer(script) as server:
        outcome = await send(engine, Post(server.url))
        assert (outcome.status, outcome.fault) == (0, Fault.BAD_RESPONSE)
        assert outcome.detail
        await async_until(lambda: server.open == 0)


async def test_at_most_the_limit_of_an_answer_is_read_and_its_status_stands(
    engine: Engine,
) -> None:
    taken = []

    def script(peer: Peer) -> None:
        peer.read()
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99999999\r\n\r\n")
        try:
            while True:
                peer.write(b"\0" * 65_536)
                taken.append(65_536)
        finally:
            taken.append(0)

    with RawServer(script) as server:
        assert (await send(engine, Post(server.url))).delivered
        await async_until(lambda: taken and taken[-1] == 0)
    assert sum(taken) < 20_000_000


async def test_endless_informational_answers_end(engine: Engine) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        while True:
            peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.0)

    with RawServer(script) as server:
        assert (await send(engine, Post(server.url))).fault is Fault.BAD_RESPONSE


async def test_an_answer_in_single_bytes(engine: Engine) -> None:
    def script(peer: Peer) -> None:
        while peer.read() is not None:
            peer.drip(b"HTTP/1.1 103 E\r\n\r\n" + _answer("503 No", "Retry-After: 7"), 0.0)

    with RawServer(script) as server:
        for _ in range(2):
            outcome = await send(engine, Post(server.url))
            assert (outcome.status, outcome.retry_after_seconds) == (503, 7.0)
        assert server.accepted == 1


# Detail


async def test_a_redirect_is_not_followed_and_shows_where_without_credentials(
    engine: Engine,
) -> None:
    location = "Location: https://user:secret@other/there"
    with RawServer(answering(_answer("302 Found", location))) as server:
        outcome = await send(engine, Post(server.url))
        assert len(server.requests) == 1
    assert (outcome.status, outcome.detail) == (302, "location https://other/there")


async def test_the_start_of_a_refusal_is_kept_as_one_safe_line(engine: Engine) -> None:
    body = "no \x1b[31m such\r\nhook\x00 \u202e ž".encode() + b"\xff" + b"x" * 500
    with RawServer(answering(_answer("404 Not Found", body=body))) as server:
        outcome = await send(engine, Post(server.url))
    assert outcome.detail.startswith("no [31m such hook ž\ufffdxxx")
    assert len(outcome.detail) == 200


# Deadlines


def _drip_head(peer: Peer) -> None:
    peer.read()
    peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10_000)


def _drip_body(peer: Peer) -> None:
    peer.read()
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    peer.drip(b"a" * 10_000)


def _drip_informational(peer: Peer) -> None:
    peer.read()
    peer.drip(b"HTTP/1.1 102 Wait a little\r\n\r\n" * 100)


def _not_reading(peer: Peer) -> None:
    peer.hang()


@pytest.mark.parametrize(
    ("script", "size"),
    [
        (hanging, 10),
        (_drip_head, 10),
        (_drip_body, 10),
        (_drip_informational, 10),
        (_not_reading, 20_000_000),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
async def test_the_deadline_holds_and_wins_over_any_status(
    *, script: Script, size: int, tls: bool
) -> None:
    authority = trustme.CA()
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=trusting(authority))
    with RawServer(script, tls=serving(authority, "localhost") if tls else None) as server:
        post = Post(server.url, timeout=0.5, body=b"x" * size)
        began = time.monotonic()
        outcome = await send(engine, post)
        assert (outcome.status, outcome.fault) == (0, Fault.TIMEOUT)
        assert 0.5 <= post.ended - began < 0.5 + SLACK_SECONDS
        assert 0.5 <= outcome.elapsed_seconds <= post.ended - began
        await engine.close()


# Writing


async def test_a_large_body_arrives_whole_while_others_go_on(engine: Engine) -> None:
    body = bytes(range(256)) * 40_000

    def script(peer: Peer) -> None:
        peer._server.stopping.wait(0.2)  # the client's buffers fill up
        answering(OK)(peer)

    with RawServer(script) as slow, RawServer() as other:
        large = Post(slow.url, body=body)
        engine.submit(large)
        for _ in range(20):
            assert (await send(engine, Post(other.url))).delivered
        assert (await large.end()).delivered
        assert slow.requests[0].endswith(body)
        assert (await send(engine, Post(slow.url))).delivered
        assert slow.accepted == 1


@pytest.mark.parametrize("answer", [_answer("413 Too Large"), OK])
async def test_an_answer_before_the_body_is_read_counts(*, engine: Engine, answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(100)
        peer.write(answer)
        peer.hang()

    with RawServer(script) as server:
        outcome = await send(engine, Post(server.url, body=b"x" * 20_000_000))
        assert (outcome.status, outcome.fault) == (int(answer[9:12]), None)
        assert engine.in_flight == 0
