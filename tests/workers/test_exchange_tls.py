"""The exchange over TLS: reuse, large bodies, and every check of a certificate."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from support.posts import Post, send
from support.raw_server import OK, RawServer, answering, closing_after, hanging
from support.tls import serving, trusting

from sockq.workers.engine import Engine
from sockq.workers.outcome import Fault
from sockq.workers.settings import EngineSettings


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_keeps_connections_and_moves_large_bodies(version: ssl.TLSVersion) -> None:
    authority = trustme.CA()
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=trusting(authority))
    context = serving(authority, "localhost")
    context.minimum_version = context.maximum_version = version
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 2000
    with RawServer(answering(OK, chunks + b"0\r\n\r\n", OK), tls=context) as server:
        for body in (b"{}", b"y" * 10_000_000, b"{}", b"{}"):
            assert (await send(engine, Post(server.url, body=body))).delivered
        assert server.accepted == 1
        assert server.requests[1].endswith(b"y" * 10_000_000)
        await engine.close()


async def test_tls_name_and_authority_are_checked() -> None:
    authority, other = trustme.CA(), trustme.CA()
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=trusting(authority))
    wrong_name = serving(authority, "elsewhere.example")
    untrusted = serving(other, "localhost")
    for context, word in ((wrong_name, "ostname"), (untrusted, "certificate")):
        with RawServer(tls=context) as server:
            outcome = await send(engine, Post(server.url))
            assert outcome.fault is Fault.TLS
            assert word in outcome.detail
            assert server.requests == []
    with RawServer(hanging) as plain:  # speaks no TLS, and closes
        url = plain.url.replace("http:", "https:")
        outcome = await send(engine, Post(url, timeout=0.3))
        assert outcome.fault is Fault.TIMEOUT
    with RawServer(closing_after(b"")) as plain:
        url = plain.url.replace("http:", "https:")
        plain._scripts = (lambda peer: peer.write(b"HTTP/1.1 400 Bad\r\n\r\n"),)
        assert (await send(engine, Post(url))).fault is Fault.TLS
    await engine.close()


async def test_old_tls_is_refused() -> None:
    authority = trustme.CA()
    context = serving(authority, "localhost")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=trusting(authority))
    with RawServer(tls=context) as server:
        assert (await send(engine, Post(server.url))).fault is Fault.TLS
    await engine.close()
