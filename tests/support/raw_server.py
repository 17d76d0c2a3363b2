"""A receiver that behaves as badly as a test wants: one script runs on each connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Peer"], None]


class Peer:
    """One accepted connection, as its script sees it."""

    def __init__(self, sock: socket.socket, server: RawServer) -> None:
        self.sock = sock
        self._server = server
        self._buffer = b""

    def read(self) -> bytes | None:
        """Read and record one request with its body; None when the client has closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        self._buffer = rest
        while len(self._buffer) < length:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        self._server.record(head + b"\r\n\r\n" + body)
        return head + b"\r\n\r\n" + body

    def write(self, data: bytes) -> None:
        """Send, or stop the script quietly if the client has gone."""
        self.sock.sendall(data)

    def drip(self, data: bytes, every_seconds: float = 0.02) -> None:
        """Send one byte at a time until the data, the client or the test ends."""
        for byte in data:
            self.write(bytes([byte]))
            if self._server.stopping.wait(every_seconds):
                return

    def wait_for(self, release: threading.Event) -> None:
        """Say nothing until this is set or the test ends."""
        while not release.wait(0.005) and not self._server.stopping.is_set():
            pass

    def hang(self) -> None:
        """Say nothing until the test ends."""
        self._server.stopping.wait()

    def wait_for_close(self) -> None:
        """Return when the client has closed."""
        while self._more():
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> bool:
        data = self.sock.recv(1 << 20)
        self._buffer += data
        return bool(data)


def answering(*answers: bytes) -> Script:
    """Answer the first requests of a connection with these bytes, the rest with the last; stay."""

    def script(peer: Peer) -> None:
        following = iter(answers)
        answer = b""
        while peer.read() is not None:
            answer = next(following, answer)
            peer.write(answer)

    return script


def answering_after(release: threading.Event, answer: bytes) -> Script:
    """Answer every request with these bytes, none of them before ``release`` is set; stay."""

    def script(peer: Peer) -> None:
        while peer.read() is not None:
            peer.wait_for(release)
            peer.write(answer)

    return script


def closing_after(answer: bytes) -> Script:
    """Answer one request, then close."""

    def script(peer: Peer) -> None:
        if peer.read() is not None:
            peer.write(answer)

    return script


def hanging(peer: Peer) -> None:
    """Read everything, answer nothing."""
    while peer.read() is not None:
        pass


class RawServer:
    """``with RawServer(script, …) as server``: connection n runs script n; the last one repeats.

    Attributes:
        requests: Every request read by a script, head and body, in order of arrival.
        accepted: Connections so far.
        stopping: Set at the end, so that scripts end too.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts: Sequence[Script] = scripts or (answering(OK),)
        self._tls = tls
        self._lock = threading.Lock()
        self._peers: set[Peer] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.accepted = 0
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}/hook"

    @property
    def open(self) -> int:
        """Connections whose scripts are still running."""
        with self._lock:
            return len(self._peers)

    def record(self, request: bytes) -> None:
        with self._lock:
            self.requests.append(request)

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._accept, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(5)
        with self._lock:
            peers = tuple(self._peers)
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(5)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.accepted, len(self._scripts) - 1)]
            self.accepted += 1
            peer = Peer(sock, self)
            thread = threading.Thread(target=self._serve, args=(peer, script), daemon=True)
            self._threads.append(thread)
            with self._lock:
                self._peers.add(peer)
            thread.start()

    def _serve(self, peer: Peer, script: Script) -> None:
        sock = peer.sock
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                peer.sock = self._tls.wrap_socket(sock, server_side=True)
            script(peer)
        peer.sock.close()
        sock.close()  # as well: wrapping leaves it without its descriptor
        with self._lock:
            self._peers.discard(peer)
