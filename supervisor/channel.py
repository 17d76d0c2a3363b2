"""The parent's end of a child's socketpair. Never blocks; EOF means that the other side is gone."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

_LIMIT_BYTES: Final = 256 * 1024
_READ_BYTES: Final = 65536


class Channel:
    """One end.

    Attributes:
        socket: Non-blocking.
        open: False after EOF.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)  # noqa: FBT003 - the socket module's own name
        self.socket = end
        self.open = True
        self._out = bytearray()
        self._in = bytearray()

    @property
    def wants_write(self) -> bool:
        """Whether something waits for room in the socket."""
        return bool(self._out) and self.open

    def fileno(self) -> int:
        """The descriptor; -1 after ``close``."""
        return self.socket.fileno()

    def send(self, data: bytes) -> bool:
        """Send now or when there is room; False when the other side does not read any more."""
        if not self.open or len(self._out) + len(data) > _LIMIT_BYTES:
            return False
        self._out += data
        self.flush()
        return self.open

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        try:
            while self._out:
                del self._out[: self.socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self.open = False
            self._out.clear()

    def receive(self) -> bytes:
        """What has come, or nothing; notices EOF."""
        received = b""
        try:
            received = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            self.open = False
        else:
            self.open = self.open and bool(received)
        return received

    def receive_lines(self) -> list[bytes]:
        """The complete lines that have come; the rest waits for its end."""
        self._in += self.receive()
        *lines, rest = self._in.split(b"\n")
        self._in = bytearray(rest[-_LIMIT_BYTES:])
        return [bytes(line) for line in lines if line]

    def end(self) -> None:
        """Say no more: the child sees EOF, and can still be heard."""
        self.flush()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go: the child sees EOF."""
        self.open = False
        self.socket.close()
