"""What parent and children say to each other by their channel: one byte a word."""

from __future__ import annotations

from typing import Final

#: From a child: it serves.
READY: Final = b"R"

#: To a worker: give back, finish, and end.
DRAIN: Final = b"D"
#: The same, and end with ``exits.RECYCLE``.
RECYCLE: Final = b"E"
#: To a worker: claim nothing until ``RESUME``.
PAUSE: Final = b"P"
RESUME: Final = b"C"
