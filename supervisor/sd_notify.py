"""What a service manager is told (systemd's ``sd_notify``): one datagram, never waited for."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, MutableMapping
from typing import Final

#: Words that wait for room in the manager's socket; older ones than these are out of date.
_UNSENT: Final = 8


class Notifier:
    """Says words to the manager; does nothing where there is none.

    Args:
        environ: ``NOTIFY_SOCKET`` is taken out of it: no child has anything to say there.

    Attributes:
        watchdog_seconds: The manager wants a word this often; None: it does not.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self.watchdog_seconds = _watchdog(environ)
        self._socket: socket.socket | None = None
        self._unsent: list[bytes] = []
        address = environ.pop("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of Linux's abstract names; other forms are not for us.
        if address[:1] not in ("/", "@"):
            return
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        end.setblocking(False)  # noqa: FBT003 - the socket module's own name
        try:
            end.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            end.close()
            return
        self._socket = end

    @property
    def on(self) -> bool:
        """Whether somebody listens."""
        return self._socket is not None

    def fds(self) -> Iterator[int]:
        """What children must close."""
        if self._socket is not None:
            yield self._socket.fileno()

    def say(self, *words: str) -> None:
        """Say ``READY=1`` and the like, all in one message; now, or with the next one."""
        if self._socket is None:
            return
        self._unsent = [*self._unsent, "\n".join(words).encode()][-_UNSENT:]
        self.flush()

    def flush(self) -> None:
        """Say what there was no room for."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):  # full, or the manager is being restarted
            while self._unsent:
                self._socket.send(self._unsent[0])
                del self._unsent[0]

    def close(self) -> None:
        """Let go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog(environ: MutableMapping[str, str]) -> float | None:
    whose = environ.get("WATCHDOG_PID", str(os.getpid()))
    try:
        wanted = int(environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    return wanted / 1e6 if wanted > 0 and whose == str(os.getpid()) else None
