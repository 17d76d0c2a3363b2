"""Exit codes: what a process of the fleet says by the way it ends.

The parent reads its children's; whoever started the fleet reads the parent's.
64 to 78 are those of sysexits.h.
"""

from __future__ import annotations

from typing import Final

#: The stop was asked for, and everything in hand was finished or given back in time.
OK: Final = 0
#: The drain deadline came first; what was still in hand was given back.
DRAIN_CUT: Final = 1
#: The command line is wrong.
USAGE: Final = 64
#: The fleet gave up: a crash loop outlasted ``give_up_seconds``, or the parent's own code failed;
#: the log says which.
GAVE_UP: Final = 70
#: A child's own code failed; its last words say where.
CRASHED: Final = GAVE_UP
#: Another fleet runs in this directory, or the directory is not ours.
LOCKED: Final = 73
#: The backend cannot be reached at the start.
UNAVAILABLE: Final = 75
#: The configuration cannot work; starting again will not help.
CONFIG: Final = 78
#: A worker asks to be replaced by a fresh one.
RECYCLE: Final = 86
#: With a signal's number added: that signal ended it. What a shell says of a command.
SIGNALLED: Final = 128
