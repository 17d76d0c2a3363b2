"""Endpoints are connected to, with their certificates, and are sent nothing: on real sockets."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
import trustme
from support.tls import trusting
from support.until import until

from sockq.workers.endpoint import Endpoint, make_endpoint
from sockq.workers.endpoint_check import check_endpoints
from sockq.workers.outcome import Fault


class Server:
    """Accepts, shakes hands if it has a certificate, and keeps what it is sent.

    Args:
        tls: With a certificate; None: it speaks none.
        deaf: It accepts and says nothing.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, deaf: bool = False) -> None:
        self._tls = tls
        self._deaf = deaf
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self.received = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def endpoint(self, host: str = "127.0.0.1", path: str = "/hook") -> Endpoint:
        scheme = "https" if self._tls or self._deaf else "http"
        return make_endpoint(f"{scheme}://{host}:{self.port}{path}", {})

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5.0)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(5.0)
        if self._deaf:
            self._over.wait(10.0)
            return
        try:
            if self._tls is not None:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self.received += wrapped.recv(4096)
            else:
                self.received += connection.recv(4096)
        except OSError:
            return


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    each: list[Server] = []
    yield each
    for one in each:
        one.close()


def certified(authority: trustme.CA, *, days: float | None = None) -> ssl.SSLContext:
    now = dt.datetime.now(dt.UTC)
    ends = None if days is None else now + dt.timedelta(days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)
    return context


def test_a_plain_server_is_reached_once_and_sent_nothing(servers: list[Server]) -> None:
    server = Server()
    servers.append(server)
    (found,) = check_endpoints([server.endpoint(), server.endpoint(path="/other")])
    assert (found.fault, found.days) == (None, None)
    assert found.where == f"http://127.0.0.1:{server.port}"
    until(lambda: server.connections, 5.0)  # the kernel may take it before the thread does
    server.close()
    servers.clear()
    assert (server.connections, server.received) == (1, b"")


def test_the_days_of_a_certificate_are_counted(
    authority: trustme.CA, servers: list[Server]
) -> None:
    servers += [Server(certified(authority, days=days)) for days in (5.5, 100.5)]
    first, second = check_endpoints([one.endpoint() for one in servers], tls=trusting(authority))
    assert first.days is not None
    assert second.days is not None
    assert (round(first.days), round(second.days)) in {(5, 100), (6, 101), (5, 101), (6, 100)}
    assert [one.received for one in servers] == [b"", b""]


@pytest.mark.parametrize("what", ["stranger", "expired", "name"])
def test_a_certificate_that_is_not_accepted(
    authority: trustme.CA, servers: list[Server], what: str
) -> None:
    issuer = trustme.CA() if what == "stranger" else authority
    server = Server(certified(issuer, days=-1.0 if what == "expired" else None))
    servers.append(server)
    host = "localhost" if what == "name" else "127.0.0.1"
    (found,) = check_endpoints([server.endpoint(host)], tls=trusting(authority))
    assert found.fault is Fault.TLS
    assert found.detail


def test_nothing_listens_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = make_endpoint(f"http://127.0.0.1:{probe.getsockname()[1]}/", {})
        (found,) = check_endpoints([endpoint])
    assert found.fault is Fault.CONNECT


def test_a_server_that_says_nothing_is_not_waited_for(servers: list[Server]) -> None:
    server = Server(deaf=True)
    servers.append(server)
    began = time.monotonic()
    (found,) = check_endpoints([server.endpoint()], bound_seconds=0.2)
    assert found.fault is not None
    assert time.monotonic() - began < 3.0


def test_no_endpoints_need_no_time() -> None:
    assert check_endpoints([]) == []
