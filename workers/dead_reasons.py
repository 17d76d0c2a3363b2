"""How the reason of a dead letter begins when the job itself is at fault, or nobody knows its app.

Whoever buries such a job writes ``NAME: what exactly``; the counters tell them apart by it.
"""

from __future__ import annotations

from typing import Final

#: Its bytes are no job.
INVALID_JOB: Final = "invalid job"
#: Its signature is not its app's.
TAMPERED: Final = "tampered"
UNKNOWN_APP: Final = "unknown app"
#: Its app's record cannot be used.
UNUSABLE_APP: Final = "unusable app"
#: It killed its workers.
POISON: Final = "poison"
