"""Opening connections: name look-up, TCP, proxy, TLS with all its checks, by urllib3 in threads."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)
from urllib3.util import parse_url

from sockq.workers.answer import one_line
from sockq.workers.endpoint import Endpoint
from sockq.workers.outcome import Fault
from sockq.workers.proxy import Proxies, Proxy
from sockq.workers.threads import Threads

_NODELAY: Final[list[tuple[int, int, int | bytes]]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # urllib3 leaves it out towards a proxy
]


@dataclass(frozen=True, slots=True)
class Connected:
    """An open connection. The socket is non-blocking, TLS done and checked.

    Attributes:
        sock: The socket; its owner closes it.
        seconds: How long it took.
        proxy: Set if requests must be sent in the form a forwarding proxy wants.
    """

    sock: socket.socket
    seconds: float
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class ConnectFailure:
    """Why there is no connection: a fault and one line."""

    fault: Fault
    detail: str


def connect(
    endpoint: Endpoint, timeout_seconds: float, proxies: Proxies, tls: ssl.SSLContext | None
) -> Connected | ConnectFailure:
    """Open one connection; blocks, so for a thread.

    Args:
        endpoint: Where to.
        timeout_seconds: For each blocking step. Name look-up is not bounded by it: the system's
            resolver takes no timeout, so callers need a clock of their own.
        proxies: Of the environment.
        tls: For ``https`` endpoints and proxies.

    Returns:
        The connection, or why there is none. Raises nothing.
    """
    began = time.monotonic()
    proxy = None
    connection: HTTPConnection | None = None
    try:
        proxy = proxies.for_endpoint(endpoint)
        connection = _prepare(endpoint, timeout_seconds, proxy, tls)
        connection.connect()
        sock: socket.socket = connection.sock
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except Exception as error:
        if connection is not None:
            connection.close()
        return _explain(error, endpoint, proxy)
    connection.sock = None  # the socket is the caller's now
    forwarding = proxy if endpoint.scheme == "http" else None
    return Connected(sock, time.monotonic() - began, forwarding)


def _prepare(
    endpoint: Endpoint, timeout_seconds: float, proxy: Proxy | None, tls: ssl.SSLContext | None
) -> HTTPConnection:
    near = endpoint if proxy is None else proxy
    if proxy is None:
        url = config = None
    else:
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        url = parse_url(f"{proxy.scheme}://{host}:{proxy.port}")
        config = ProxyConfig(
            ssl_context=tls,
            use_forwarding_for_https=False,
            assert_hostname=None,
            assert_fingerprint=None,
        )
    connection: HTTPConnection
    if endpoint.scheme == "https" or near.scheme == "https":
        connection = HTTPSConnection(
            near.host,
            near.port,
            timeout=timeout_seconds,
            socket_options=_NODELAY,
            ssl_context=tls,
            proxy=url,
            proxy_config=config,
        )
    else:
        connection = HTTPConnection(
            near.host,
            near.port,
            timeout=timeout_seconds,
            socket_options=_NODELAY,
            proxy=url,
            proxy_config=config,
        )
    if proxy is not None and endpoint.scheme == "https":
        headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        connection.set_tunnel(endpoint.host, endpoint.port, headers, scheme=proxy.scheme)
    return connection


def default_tls() -> ssl.SSLContext:
    """The system's certificates, names checked, TLS 1.2 or newer. Reading them takes a while."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _explain(error: Exception, endpoint: Endpoint, proxy: Proxy | None) -> ConnectFailure:
    """Map urllib3's and the system's exceptions; the text is the system's, without addresses."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    to = f"{endpoint.host}:{endpoint.port}"
    if isinstance(error, NameResolutionError | LocationParseError | UnicodeError):
        fault, text = Fault.DNS, f"{endpoint.host if proxy is None else proxy.host}: {text}"
    elif isinstance(error, NewConnectionError):  # before its base class, which is a time-out
        fault, text = Fault.CONNECT, f"{to}: {text}"
    elif isinstance(error, ConnectTimeoutError | TimeoutError):
        fault, text = Fault.TIMEOUT, f"no connection to {to} in time"
    elif isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or text
        fault, text = Fault.TLS, f"{to}: {reason}"
    elif isinstance(error, ProxyError) or "Tunnel connection failed" in text:
        fault, text = Fault.PROXY, f"proxy for {to}: {text}"
    elif isinstance(error, ValueError):  # of proxy.py: already one clear line
        fault = Fault.PROXY
    else:  # reset or cut while shaking hands
        fault = Fault.TLS if endpoint.scheme == "https" else Fault.CONNECT
        text = f"{to}: {text}"
    if proxy is not None and fault in {Fault.DNS, Fault.CONNECT}:
        fault, text = Fault.PROXY, f"the proxy cannot be reached: {text}"
    return ConnectFailure(fault, one_line(text))


class Connector:
    """A small pool of threads that open connections.

    Args:
        threads: At most this many at once.
        tls: For ``https``; by default the system's certificates, names checked, TLS 1.2 or newer.
        proxies: By default the environment's.
    """

    def __init__(
        self, threads: int, tls: ssl.SSLContext | None = None, proxies: Proxies | None = None
    ) -> None:
        self._tls = tls
        self._proxies = Proxies() if proxies is None else proxies
        self._lock = threading.Lock()
        self._threads = Threads(threads, "sockq-connect")

    def open(
        self,
        endpoint: Endpoint,
        deadline: float,
        give: Callable[[Connected | ConnectFailure], None],
    ) -> None:
        """Open a connection some time soon.

        Args:
            endpoint: Where to.
            deadline: Monotonic seconds after which nobody waits for it.
            give: Called once, in the thread, with the result. Must take care of the socket.
        """
        self._threads.do(partial(self._work, endpoint, deadline, give))

    def close(self) -> None:
        """Let the threads end; those at work end after it. Does not wait."""
        self._threads.close()

    def _work(
        self,
        endpoint: Endpoint,
        deadline: float,
        give: Callable[[Connected | ConnectFailure], None],
    ) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or self._threads.closed:
            give(ConnectFailure(Fault.TIMEOUT, "no thread was free to connect in time"))
        else:
            give(connect(endpoint, left, self._proxies, self._context(endpoint)))

    def _context(self, endpoint: Endpoint) -> ssl.SSLContext | None:
        """Make the TLS context when it is first wanted."""
        if endpoint.scheme == "http" and self._tls is None and not self._proxies.any_https:
            return None
        with self._lock:
            if self._tls is None:
                self._tls = default_tls()
            return self._tls
