"""``python -m sockq.supervisor.tethered …``: the command line, in a process tied to its maker.

For a fleet that somebody's screen or demo started: when that is gone, however it went, the kernel
sends TERM, and the fleet drains (Linux; elsewhere only an orderly end stops it).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

#: What it prints, in its directory.
LOG_NAME: Final = "fleet.log"
_MODULE: Final = "sockq.supervisor.tethered"
_PR_SET_PDEATHSIG: Final = 1


def tethered(*arguments: str) -> list[str]:
    """The command that starts it with these arguments."""
    return [sys.executable, "-m", _MODULE, *arguments]


def _end_with(maker: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != maker:
            sys.exit(0)


if __name__ == "__main__":
    from sockq.supervisor.cli import main  # whoever only starts it has no need of all that

    _end_with(os.getppid())
    sys.exit(main())
