"""The memory broker as a process of its own.

    python broker_process.py SOCKET CAPACITY LEASE_SECONDS DEAD_LIMIT

It prints one line when it listens and stops when its standard input ends.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Self

from sockq.drivers.memory_broker import serve


class BrokerProcess:
    """A running broker; stopped on leaving the context."""

    def __init__(
        self, socket_path: Path, *, capacity: int = 100_000, lease_seconds: float = 30.0
    ) -> None:
        self.socket_path = socket_path
        arguments = (socket_path, capacity, lease_seconds)
        self._process = subprocess.Popen(
            [sys.executable, __file__, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "the broker did not start"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As a crash: no chance to clean up."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code. Safe to call twice."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        return self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


async def _main(path: str, capacity: str, lease_seconds: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    await serve(
        Path(path),
        int(capacity),
        float(lease_seconds),
        stop,
        lambda: print("ready", flush=True),  # noqa: T201 - the sign that the parent waits for
    )


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
