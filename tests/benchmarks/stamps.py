"""A receiver in its own process that notes when each job arrived, by a number in its channel name.

``python stamps.py N FILE`` prints its port at once. After N webhooks, or at the end of its input,
it writes one JSON object and ends: channel number to nanoseconds of the monotonic clock, which all
processes share.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb'"channel":"paced-(\d+)"')


class _Stamper(asyncio.Protocol):
    """Reads requests of known length, answers each, notes the time of its last byte."""

    def __init__(self, arrivals: dict[int, int], wanted: int, done: asyncio.Event) -> None:
        self._arrivals, self._wanted, self._done = arrivals, wanted, done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end + 2)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < total:
                return
            number = _NUMBER.search(self._buffer, end, total)
            if number:
                self._arrivals.setdefault(int(number[1]), now)
            self._buffer = self._buffer[total:]
            self._transport.write(_ANSWER)
        if len(self._arrivals) >= self._wanted:
            self._done.set()


async def _main(wanted: int) -> dict[int, int]:
    arrivals: dict[int, int] = {}
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Stamper(arrivals, wanted, done), "127.0.0.1", 0)
    loop.add_reader(sys.stdin.fileno(), done.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
    return arrivals


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(asyncio.run(_main(int(sys.argv[1])))))
