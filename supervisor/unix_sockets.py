"""Unix sockets in the fleet's directory: only its user may connect, however long the path is."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_ADDRESS_BYTES = 100


def listen_at(path: Path, backlog: int) -> socket.socket:
    """A non-blocking listener with mode 0600; a left-over socket there is replaced.

    Raises:
        OSError: the path cannot be used.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 - the socket module's own name
        before = os.umask(0o177)
        try:
            with _short(path) as short:
                listener.bind(short)
        finally:
            os.umask(before)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def connect_to(path: Path, timeout_seconds: float) -> socket.socket:
    """A connected socket.

    Raises:
        OSError: nobody listens there, or not for this user.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.settimeout(timeout_seconds)
        with _short(path) as short:
            client.connect(short)
    except BaseException:
        client.close()
        raise
    return client


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path in a form that fits a socket address (108 bytes), where the system offers one."""
    if len(os.fsencode(path)) < _ADDRESS_BYTES or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
