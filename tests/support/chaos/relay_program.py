"""The relay's process: ``python relay_program.py NAMESPACE HOST PORT``.

Listens at HOST:PORT inside a network namespace and leads each connection to the same port of the
loopback outside. A socket stays in the namespace that it was made in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import sys
from pathlib import Path


def _listener(namespace: str, host: str, port: int) -> socket.socket:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open("rb") as ours, Path(namespace).open("rb") as theirs:
        assert libc.setns(theirs.fileno(), 0) == 0, ctypes.get_errno()
        try:
            return socket.create_server((host, port))
        finally:
            assert libc.setns(ours.fileno(), 0) == 0, ctypes.get_errno()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(namespace: str, host: str, port: int) -> None:
    """Body of the process."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    server = await asyncio.start_server(lead, sock=_listener(namespace, host, port))
    print("ready", flush=True)  # noqa: T201 - the test reads it
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
