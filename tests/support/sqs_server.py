"""moto's server in a process of its own, on a free port of the loopback.

Run as a script it is that process. Differences that it mends, to be as SQS in what counts here:

- moto's queues are not safe for its own threads (two receives may get one message): one lock.
- Its long poll looks again once a second: here every few milliseconds.
- A message given back is not visible within the same tick of its clock, and blocks its group's
  first message then, but not its last.
- When messages of a group that a dead client received become visible one by one while a receive
  looks through them, it gives out the last of them first. Here the clock stands still meanwhile,
  and what is visible again blocks nobody.
- A receive that waits takes messages for a client that has hung up meanwhile. SQS promises nothing
  about that; here the receive ends, unless a test wants the worst.
- For each message it asks for the time of each message, through a calendar, and counts them all
  for each message it gives out: 0.6 s a receive of 1,000 (measured). Here it asks the clock.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

START_SECONDS = 30.0


class SqsServer:
    """One server process. Throw-away credentials are part of ``environment``.

    Args:
        ends_receives: A receive whose client has hung up takes no message. If not, the server says
            which receives wait, and what it has given to nobody (``said``).
    """

    environment = {  # noqa: RUF012 - never changed
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-secret-EXAMPLEKEY",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    def __init__(self, *, ends_receives: bool = True) -> None:
        command = [sys.executable, "-W", "ignore", str(Path(__file__).resolve())]
        self._process = subprocess.Popen(
            command if ends_receives else [*command, "stubborn"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("port "), f"moto's server does not start: {line!r}"
        self.port = int(line.split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the server process."""
        return self._process.pid

    def said(self) -> str:
        """Wait for the next thing that a stubborn server says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def reset(self) -> None:
        """Remove every queue."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def stop(self) -> None:
        """End it. Safe to call twice."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve() -> None:
    """Body of the server process: serves until it is ended."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - of the server process only
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import (  # noqa: PLC0415 - as above
        WSGIRequestHandler,
        make_server,
    )

    _mend()

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # keep-alive, as SQS
        disable_nagle_algorithm = True

        def log(self, *_: object) -> None: ...

    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=Handler,
    )
    print(f"port {server.port}", flush=True)  # noqa: T201 - the parent reads it
    server.serve_forever()


def _mend() -> None:
    from moto.sqs import models  # noqa: PLC0415 - of the server process only

    clocks: Any = models
    clocks.unix_time = time.time
    clocks.unix_time_millis = lambda: time.time() * 1000
    message: Any = models.Message
    clock = _Clock()
    message.visible = property(lambda self: clock.now() * 1000 >= self.visible_at)
    backend: Any = models.SQSBackend
    backend.is_message_valid_based_on_retention_period = lambda *_: True
    _mend_attributes(models.Queue, backend)
    _mend_threads(backend, clock)


class _Clock:
    """Time as messages see it; it stands still within ``stopped``."""

    def __init__(self) -> None:
        self._stopped_at = 0.0

    def now(self) -> float:
        return self._stopped_at or time.time()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self._stopped_at = time.time()
        try:
            yield
        finally:
            self._stopped_at = 0.0


def _mend_attributes(queue_type: Any, backend: Any) -> None:
    from moto.core.utils import camelcase_to_underscores  # noqa: PLC0415 - as above

    every_attribute = queue_type.attributes.fget

    class Attributes(dict[str, Any]):
        """A sending asks for one attribute: it need not count messages for the others."""

        def __init__(self, queue: Any) -> None:
            self._queue = queue
            names = queue.BASE_ATTRIBUTES + queue.FIFO_ATTRIBUTES * queue.fifo_queue
            super().__init__(dict.fromkeys(names))

        def get(self, name: str, default: Any = None) -> Any:
            if name not in self:
                return default
            value = getattr(self._queue, camelcase_to_underscores(name))
            return str(value).lower() if isinstance(value, bool) else value

    def attributes(self: Any, queue_name: str, names: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = every_attribute(self.get_queue(queue_name))
        if "All" in names:
            return found
        return {name: found[name] for name in names if found.get(name) is not None}

    queue_type.attributes = property(Attributes)
    backend.get_queue_attributes = attributes


def _stubborn() -> bool:
    return "stubborn" in sys.argv


def _began(queue: str, wait: int) -> None:
    if wait and _stubborn():
        print(f"waits {queue}", flush=True)  # noqa: T201 - the parent reads it


def _given(queue: str, count: int) -> None:
    if count and _stubborn() and _hung_up():
        print(f"gave {count} of {queue} to nobody", flush=True)  # noqa: T201 - as above


def _hung_up() -> bool:
    """Whether the client of the request in hand has closed its connection."""
    from flask import request  # noqa: PLC0415 - as above

    connection: socket.socket = request.environ["werkzeug.socket"]
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _unblock(queue: Any) -> None:
    """Whoever had the messages that are visible again does not hold their groups any more."""
    for message in [message for message in queue.pending_messages if message.visible]:
        queue.pending_messages.discard(message)


def _mend_threads(backend: Any, clock: _Clock) -> None:
    lock = threading.RLock()
    receive = backend.receive_message

    def locked(verb: Any) -> Any:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            with lock:
                return verb(self, *args, **kwargs)

        return call

    def long_poll(
        self: Any, queue: str, count: int, wait: int, visibility: int, names: Any = None
    ) -> Any:
        end = time.monotonic() + wait
        _began(queue, wait)
        while True:
            with lock, clock.stopped():
                if not _stubborn() and _hung_up():
                    return []
                _unblock(self.get_queue(queue))
                found = receive(self, queue, count, 0, visibility, names)
            if found or time.monotonic() >= end:
                _given(queue, len(found))
                return found
            time.sleep(0.01)

    for name in (
        "send_message",
        "send_message_batch",
        "delete_message",
        "delete_message_batch",
        "change_message_visibility",
        "change_message_visibility_batch",
        "get_queue_attributes",
        "create_queue",
    ):
        setattr(backend, name, locked(getattr(backend, name)))
    backend.receive_message = long_poll


if __name__ == "__main__":
    serve()
