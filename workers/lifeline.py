"""What ties a process of the fleet to its parent: none outlives it by more than a second.

The channel's end tells of a parent that died, the kernel's death signal does so again (Linux), and
from then on an alarm of the kernel bounds what is still done. Nobody is left to reap or to read
the exit code, and the next parent may start at once: so a worker does not finish its jobs but
gives them back, which costs the next fleet nothing to wait for.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from sockq.workers.deadman import DeadMan

#: From the parent's death until the kernel ends what is left.
GONE_SECONDS: Final = 0.95
#: Of that, for a worker's jobs: what is on the wire has a bit more than half of it.
DRAIN_SECONDS: Final = 0.8
_LOOK_AGAIN_SECONDS: Final = 0.05


class Lifeline:
    """This process' view of its parent. Make it before any handler of a signal is set.

    Attributes:
        parent: Its pid.
        cut: The parent is gone, and this process leaves.
    """

    def __init__(self) -> None:
        self.parent = os.getppid()
        self.cut = False

    def is_cut(self) -> bool:
        """Whether the parent is gone."""
        return self.cut or os.getppid() != self.parent

    def leave(self, deadman: DeadMan | None = None) -> bool:
        """The parent is gone: be gone within ``GONE_SECONDS``. True the first time."""
        if self.cut:
            return False
        self.cut = True
        (deadman or DeadMan()).end_within(GONE_SECONDS)
        return True

    def leave_if_cut(self) -> None:
        """``leave`` when the parent is gone; for a process that is also told to end otherwise."""
        if self.is_cut():
            self.leave()

    def channel_ended(self) -> None:
        """The same for one whose channel ends in either case, and maybe before its parent does."""
        self.leave_if_cut()
        asyncio.get_running_loop().call_later(_LOOK_AGAIN_SECONDS, self.leave_if_cut)
