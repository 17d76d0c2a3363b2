"""Proxies of the environment: which is used when, and what goes over the wire."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme
from support.posts import Post, send
from support.raw_server import OK, Peer, RawServer, answering

from sockq.workers.endpoint import make_endpoint
from sockq.workers.engine import Engine
from sockq.workers.outcome import Fault
from sockq.workers.proxy import Proxies
from sockq.workers.settings import EngineSettings


@pytest.fixture
def refused() -> Iterator[str]:
    """A URL whose port refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes it
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("no_proxy", "url", "used"),
    [
        ("", "http://h/", True),
        ("*", "http://h/", False),
        ("other, h", "http://h/", False),
        ("h", "http://a.h/", False),
        (".h", "http://a.h/", False),
        ("*.h", "http://a.h/", False),
        ("h", "http://ah/", True),
        ("h:81", "http://h/", True),
        ("h:81", "http://h:81/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", False),
        ("10.0.0.0/8", "http://11.1.2.3/", True),
        ("::1", "http://[::1]/", False),
        ("[::1]:80", "http://[::1]/", False),
        ("H", "http://h/", False),
    ],
)
def test_no_proxy(*, no_proxy: str, url: str, used: bool) -> None:
    proxies = Proxies({"HTTP_PROXY": "http://p:3128", "NO_PROXY": no_proxy})
    proxy = proxies.for_endpoint(make_endpoint(url, {}))
    assert (proxy is not None) is used


def test_lower_case_wins_and_each_scheme_has_its_own() -> None:
    proxies = Proxies({"HTTP_PROXY": "http://a", "http_proxy": "b:3128", "ALL_PROXY": "http://c"})
    for url, host, port in (("http://h/", "b", 3128), ("https://h/", "c", 80)):
        proxy = proxies.for_endpoint(make_endpoint(url, {}))
        assert proxy is not None
        assert (proxy.host, proxy.port) == (host, port)


def test_the_proxys_password_is_not_shown() -> None:
    proxies = Proxies({"HTTP_PROXY": "http://user:hidden@p:3128"})
    proxy = proxies.for_endpoint(make_endpoint("http://h/", {}))
    assert proxy is not None
    assert proxy.authorization == "Basic dXNlcjpoaWRkZW4="
    assert "dXNl" not in repr(proxy)


async def test_plain_requests_go_through_a_proxy_in_absolute_form() -> None:
    with RawServer() as proxy:
        proxies = Proxies({"http_proxy": f"http://user:p%40ss@127.0.0.1:{proxy.port}"})
        engine = Engine(EngineSettings(), asyncio.get_running_loop(), proxies=proxies)
        for _ in range(2):
            assert (await send(engine, Post("http://name.invalid:81/a?b=c"))).delivered
        assert proxy.accepted == 1
        lines = proxy.requests[1].split(b"\r\n")
        assert lines[0] == b"POST http://name.invalid:81/a?b=c HTTP/1.1"
        assert lines[1] == b"Proxy-Authorization: Basic dXNlcjpwQHNz"
        assert lines[2] == b"Host: name.invalid:81"
        await engine.close()


async def test_tls_goes_through_a_proxy_by_connect() -> None:
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("name.invalid").configure_cert(serving)
    asked = []

    def script(peer: Peer) -> None:
        asked.append(peer.sock.recv(65_536))
        peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.sock = serving.wrap_socket(peer.sock, server_side=True)
        answering(OK)(peer)

    with RawServer(script) as proxy:
        proxies = Proxies({"HTTPS_PROXY": f"127.0.0.1:{proxy.port}"})
        engine = Engine(EngineSettings(), asyncio.get_running_loop(), tls=trusting, proxies=proxies)
        assert (await send(engine, Post("https://name.invalid/a"))).delivered
        assert asked[0].startswith(b"CONNECT name.invalid:443 HTTP/1.")
        assert proxy.requests[0].startswith(b"POST /a HTTP/1.1\r\n")
        await engine.close()


async def test_a_proxy_that_refuses_or_is_away_is_named(refused: str) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(65_536)
        peer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")

    with RawServer(script) as proxy:
        for url, says in (
            (f"http://user:hidden@127.0.0.1:{proxy.port}", "407"),
            (refused, "refused"),
            ("socks5://user:hidden@h", "'socks5' proxies do not work"),
            ("http://h:hidden/", "not a URL"),
        ):
            engine = Engine(
                EngineSettings(), asyncio.get_running_loop(), proxies=Proxies({"https_proxy": url})
            )
            outcome = await send(engine, Post("https://name.invalid/a"))
            assert outcome.fault is Fault.PROXY
            assert says in outcome.detail
            assert "hidden" not in outcome.detail
            await engine.close()
