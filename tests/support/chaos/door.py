"""A door that is slammed: takes the place of a dead server, and notes every visit."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

_AT_ONCE: Final = struct.pack("ii", 1, 0)
_LOOK_SECONDS: Final = 0.05


class Door:
    """``with Door(port) as door: … door.visits``: connections are reset as soon as they come.

    Attributes:
        visits: Monotonic seconds of each.
    """

    def __init__(self, port: int) -> None:
        self.visits: list[float] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._listener.settimeout(_LOOK_SECONDS)
        self._shut = threading.Event()
        self._thread = threading.Thread(target=self._stand, daemon=True)

    def _stand(self) -> None:
        while not self._shut.is_set():
            try:
                end, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.visits.append(time.monotonic())
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            end.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shut.set()
        self._thread.join(10)
        self._listener.close()


def largest_share(times: Sequence[float], bucket_seconds: float) -> float:
    """The part of all that falls into the fullest bucket; 0 when there are none."""
    if not times:
        return 0.0
    buckets = Counter(int((at - times[0]) / bucket_seconds) for at in times)
    return max(buckets.values()) / len(times)
