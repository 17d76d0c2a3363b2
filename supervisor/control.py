"""The control socket: one JSON object per line in, one per line out. Part of the parent's loop.

Directory and socket are for the fleet's user alone, and each peer is asked who it is. A client that
is slow, silent or talks nonsense costs a descriptor until it is closed, never time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sockq.supervisor.channel import Channel
from sockq.supervisor.unix_sockets import listen_at

_CLIENTS: Final = 16
_LINES_A_PASS: Final = 64
_LINE_BYTES: Final = 64 * 1024
#: Linux's ``struct ucred``: pid, uid, gid.
_PEER: Final = struct.Struct("iII")

Answer = Callable[[dict[str, object]], dict[str, object]]


class Control:
    """The listener and its clients."""

    def __init__(self, path: Path, selector: selectors.BaseSelector, answer: Answer) -> None:
        """Listen on ``path`` (a left-over socket there is replaced).

        Raises:
            OSError: the path cannot be used.
        """
        self._path = path
        self._selector = selector
        self._answer = answer
        self._clients: set[Channel] = set()
        self._listener = listen_at(path, _CLIENTS)
        self._reserve = _spare()
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def fds(self) -> Iterator[int]:
        """What children must close."""
        yield self._listener.fileno()
        if self._reserve is not None:
            yield self._reserve
        for client in self._clients:
            yield client.fileno()

    def close(self) -> None:
        """Stop listening, and remove the socket."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._listener)
        self._listener.close()
        self._give_up_reserve()
        self._path.unlink(missing_ok=True)

    def _accept(self, _mask: int) -> None:
        try:
            end, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._turn_away()
            return
        if self._reserve is None:
            self._reserve = _spare()
        if len(self._clients) >= _CLIENTS or not may_ask(peer_uid(end)):
            end.close()
            return
        client = Channel(end)
        self._clients.add(client)
        self._selector.register(client, selectors.EVENT_READ, self._serve(client))

    def _turn_away(self) -> None:
        """No descriptor is left: one that waits for ever would keep the loop awake for ever."""
        self._give_up_reserve()
        with contextlib.suppress(OSError):
            self._listener.accept()[0].close()
        self._reserve = _spare()

    def _give_up_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _serve(self, client: Channel) -> Callable[[int], None]:
        def ready(_mask: int) -> None:
            for line in client.receive_lines()[:_LINES_A_PASS]:
                client.send(self._one(line))
            if not client.open:
                self._drop(client)
                return
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.wants_write else 0)
            client.flush()
            self._selector.modify(client, events, ready)

        return ready

    def _one(self, line: bytes) -> bytes:
        answer: dict[str, object]
        try:
            request = json.loads(line) if len(line) <= _LINE_BYTES else None
            if isinstance(request, dict):
                answer = self._answer(request)
            else:
                answer = {"ok": False, "error": 'a request is an object: {"cmd": "ping"}'}
        except (ValueError, RecursionError):
            answer = {"ok": False, "error": "a request is one line of JSON"}
        except Exception as error:
            answer = {"ok": False, "error": f"internal error: {type(error).__name__}"}
        return json.dumps(answer, separators=(",", ":"), default=str).encode() + b"\n"

    def _drop(self, client: Channel) -> None:
        self._clients.discard(client)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()


def _spare() -> int | None:
    """A descriptor to give up when there is no other; None: there is none to be had."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def may_ask(uid: int | None) -> bool:
    """Whether a process of this user may: the fleet's own, or root. None: the system won't say."""
    return uid is None or uid in (os.geteuid(), 0)


def peer_uid(end: socket.socket) -> int | None:
    """Whose process is at the other end; None where only the directory's mode protects."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _pid, uid, _gid = _PEER.unpack(end.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    return int(uid)
