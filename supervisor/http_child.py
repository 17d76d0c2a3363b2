"""The HTTP child: ``/metrics``, ``/status.json``, ``/healthz``, ``/readyz``, read from the board.

A process of its own, so it answers also while the parent is stopped, and no scrape ever costs the
parent or a worker a moment. It listens at a TCP address and at a Unix socket in the fleet's
directory. A port that is taken is a warning; it is tried again, because its holder may leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import time
from http import HTTPStatus
from typing import Final

from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take, totals
from sockq.supervisor.board_view import BoardView
from sockq.supervisor.fleet import HttpContext
from sockq.supervisor.http_server import HEAD_BYTES, TEXT, HttpServer, Page
from sockq.supervisor.http_settings import SOCKET_NAME
from sockq.supervisor.metrics import CONTENT_TYPE, Metrics, Reading
from sockq.supervisor.probes import health, readiness
from sockq.supervisor.recent import SAMPLE_SECONDS, Recent, Sample
from sockq.supervisor.status_document import make_document
from sockq.supervisor.unix_sockets import listen_at
from sockq.workers import exits
from sockq.workers.channel_words import READY
from sockq.workers.lifeline import Lifeline
from sockq.workers.logs import Event, Log

_BEAT_SECONDS: Final = 1.0
_BACKLOG: Final = 64
#: A taken port is tried again this often.
_AGAIN_SECONDS: Final = 5.0
_INDEX: Final = b"sockq\n/metrics\n/status.json\n/healthz\n/readyz\n"
_JSON: Final = "application/json"


def run_http(context: HttpContext) -> int:
    """Serve until the channel ends; returns the exit code."""
    return asyncio.run(_Http(context).run())


class _Http:
    def __init__(self, context: HttpContext) -> None:
        self._lifeline = Lifeline()
        self._settings = context.settings
        self._directory = context.directory
        self._board = context.board
        self._channel = context.channel
        self._log = Log("http")
        self._recent = Recent()
        self._metrics = Metrics(self._reading, context.settings.compat)
        self._server = HttpServer(self._page)
        self._ending = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        loop.add_reader(self._channel, self._hear)
        self._board.header[words.HTTP_PORT] = 0
        tasks = [loop.create_task(body) for body in (self._beat(), self._sample(), self._listen())]
        self._listen_at_socket()
        with contextlib.suppress(OSError):
            self._channel.send(READY)
        ending = loop.create_task(self._ending.wait())
        await asyncio.wait({ending, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ending, *tasks):
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        self._board.header[words.HTTP_PORT] = 0
        for error in ended:
            if isinstance(error, Exception):
                raise error
        return exits.OK

    # Listening --------------------------------------------------------------------------------

    async def _listen(self) -> None:
        told = False
        while True:
            server = await self._try_to_listen(quiet=told)
            if server is not None:
                async with server:
                    self._board.header[words.HTTP_PORT] = server.sockets[0].getsockname()[1]
                    await asyncio.Event().wait()
            told = True
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _try_to_listen(self, *, quiet: bool) -> asyncio.Server | None:
        settings = self._settings
        try:
            return await asyncio.start_server(
                self._server.serve,
                settings.host or None,
                settings.port,
                limit=HEAD_BYTES,
                backlog=_BACKLOG,
                reuse_address=True,
            )
        except OSError as error:
            if not quiet:
                self._log.warning(
                    Event.HTTP_NOT_SERVED,
                    address=settings.address,
                    why=error.strerror or str(error),
                    next=f"give another one with --http, or off; trying again every"
                    f" {_AGAIN_SECONDS:.0f} s",
                )
            return None

    def _listen_at_socket(self) -> None:
        path = self._directory / SOCKET_NAME
        try:
            listener = listen_at(path, _BACKLOG)
        except OSError as error:
            self._log.warning(
                Event.HTTP_NOT_SERVED, address=str(path), why=error.strerror or str(error)
            )
            return
        self._serving = asyncio.get_running_loop().create_task(self._serve_socket(listener))

    async def _serve_socket(self, listener: socket.socket) -> None:
        server = await asyncio.start_unix_server(
            self._server.serve, sock=listener, limit=HEAD_BYTES
        )
        async with server:
            await asyncio.Event().wait()

    # Pages ------------------------------------------------------------------------------------

    def _page(self, path: str) -> Page | None:
        match path:
            case "/metrics":
                return Page(self._metrics.page(), CONTENT_TYPE)
            case "/status.json":
                document = make_document(take(self._board), totals(self._board), self._directory)
                return Page(json.dumps(document).encode() + b"\n", _JSON)
            case "/healthz":
                return _probe(health(take(self._board)), "ok")
            case "/readyz":
                return _probe(readiness(take(self._board)), "ready")
            case "/":
                return Page(_INDEX)
            case _:
                return None

    def _reading(self) -> Reading:
        view, counted = take(self._board), totals(self._board)
        now = _sample_of(view, counted)
        rate = self._recent.settled_rate(now)
        return Reading(view, counted, rate, self._recent.sending(now))

    # Beside -----------------------------------------------------------------------------------

    async def _sample(self) -> None:
        while True:
            self._recent.add(_sample_of(take(self._board), totals(self._board)))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _beat(self) -> None:
        while True:
            self._board.header[words.HTTP_BEAT_NS] = time.monotonic_ns()
            await asyncio.sleep(_BEAT_SECONDS)

    def _hear(self) -> None:
        try:
            heard = self._channel.recv(64)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._lifeline.channel_ended()
            self._end()

    def _end(self) -> None:
        self._lifeline.leave_if_cut()
        self._ending.set()


def _sample_of(view: BoardView, counted: dict[str, int]) -> Sample:
    settled = counted["delivered"] + counted["dead"]
    return Sample(view.taken_at, settled, view.histograms["sending"].buckets)


def _probe(reasons: list[str], good: str) -> Page:
    if not reasons:
        return Page(f"{good}\n".encode(), TEXT)
    return Page(
        "".join(f"{reason}\n" for reason in reasons).encode(),
        TEXT,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
