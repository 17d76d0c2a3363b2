"""The control socket: one JSON object per line in, one per line out. Part of the parent's loop.

Directory and socket are for the fleet's user alone, and each peer is asked who it is. A client that
is slow or talks nonsense costs a descriptor, never time; one that is silent is dropped.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sockq.supervisor.channel import Channel
from sockq.supervisor.reserve import Reserve
from sockq.supervisor.unix_sockets import listen_at

_CLIENTS: Final = 16
_LINES_A_PASS: Final = 64
_LINE_BYTES: Final = 64 * 1024
_REST_SECONDS: Final = 0.5
#: Nobody waits here for an answer, so one that is silent for this long only keeps others out.
IDLE_SECONDS: Final = 30.0
_TOO_MANY: Final = b'{"ok":false,"error":"too many requests at once; this one was not done"}\n'
#: Linux's ``struct ucred``: pid, uid, gid.
_PEER: Final = struct.Struct("iII")

Answer = Callable[[dict[str, object]], dict[str, object]]


class Control:
    """The listener and its clients."""

    def __init__(
        self,
        path: Path,
        selector: selectors.BaseSelector,
        answer: Answer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen on ``path`` (a left-over socket there is replaced).

        Raises:
            OSError: the path cannot be used.
        """
        self._path = path
        self._selector = selector
        self._answer = answer
        self._clock = clock
        #: When each was heard last, or took some of its answers.
        self._clients: dict[Channel, float] = {}
        self._listener = listen_at(path, _CLIENTS)
        self._reserve = Reserve()
        self._rests_until: float | None = None
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def fds(self) -> Iterator[int]:
        """What children must close."""
        yield self._listener.fileno()
        if self._reserve.fd >= 0:
            yield self._reserve.fd
        for client in self._clients:
            yield client.fileno()

    def close(self) -> None:
        """Stop listening, and remove the socket."""
        for client in list(self._clients):
            self._drop(client)
        if self._rests_until is None:
            self._selector.unregister(self._listener)
        self._listener.close()
        self._reserve.close()
        self._path.unlink(missing_ok=True)

    def look(self, now: float) -> None:
        """Once a pass: drop the silent, have the reserve again, listen again after a rest."""
        for client, heard in list(self._clients.items()):
            if now - heard >= IDLE_SECONDS:
                self._drop(client)
        if not self._clients:
            self._reserve.take_back()
        if self._rests_until is not None and now >= self._rests_until:
            self._rests_until = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, _mask: int) -> None:
        end = self._next()
        if end is None:
            return
        if len(self._clients) >= _CLIENTS or not may_ask(peer_uid(end)):
            end.close()
            return
        client = Channel(end)
        self._clients[client] = self._clock()
        self._selector.register(client, selectors.EVENT_READ, self._serve(client))

    def _next(self) -> socket.socket | None:
        """A client. When the process has no descriptor left, one at a time has the reserve."""
        for _ in range(2):
            try:
                return self._listener.accept()[0]
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    return None
                if not self._reserve.lend():
                    break
        # The listener stays readable: without a rest the loop would turn for nothing.
        self._selector.unregister(self._listener)
        self._rests_until = self._clock() + _REST_SECONDS
        return None

    def _serve(self, client: Channel) -> Callable[[int], None]:
        def ready(_mask: int) -> None:
            self._clients[client] = self._clock()
            lines = client.receive_lines()
            for line in lines[:_LINES_A_PASS]:
                client.send(self._one(line))
            for _ in lines[_LINES_A_PASS:]:
                client.send(_TOO_MANY)
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
        self._clients.pop(client, None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()


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
