"""One look at a process through Linux's /proc."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from sockq.supervisor.silence import UNSEEN, Look

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
#: After the name: state, then 10 more words, then utime and stime.
_UTIME: Final = 11
_SHORT_OF: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def look(pid: int) -> Look | None:
    """How it stands with ``pid``; None: it is gone, or there is no /proc.

    ``UNSEEN``: the machine has nothing to look with now, no descriptor say.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError as error:
        return UNSEEN if error.errno in _SHORT_OF else None
    return parse(stat)


def parse(stat: bytes) -> Look | None:
    """The same from the text of ``/proc/<pid>/stat``; its name may hold spaces and brackets."""
    try:
        fields = stat[stat.rindex(b")") + 2 :].split()
        ticks = int(fields[_UTIME]) + int(fields[_UTIME + 1])
        return Look(fields[0].decode("ascii"), ticks / _TICKS_A_SECOND)
    except (ValueError, IndexError):
        return None
