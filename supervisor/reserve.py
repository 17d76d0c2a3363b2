"""A descriptor that is kept for the moment when the process has none left."""

from __future__ import annotations

import contextlib
import os


class Reserve:
    """One descriptor that can be given up, and had again later.

    Attributes:
        fd: It, or -1 while it is lent.
    """

    def __init__(self) -> None:
        self.fd = -1
        self.take_back()

    def lend(self) -> bool:
        """Give it up: one more can be opened now. False: it is lent already."""
        if self.fd < 0:
            return False
        os.close(self.fd)
        self.fd = -1
        return True

    def take_back(self) -> None:
        """Have it again, if there is one to be had."""
        if self.fd < 0:
            with contextlib.suppress(OSError):
                self.fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give it up for good."""
        self.lend()
