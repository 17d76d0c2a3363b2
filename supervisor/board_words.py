"""The words of the board that the parent and the janitor write.

A worker's own stand in ``sockq.workers.board``.
Times are ``time.monotonic_ns()`` unless the name says otherwise; 0: never.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class FleetState(IntEnum):
    """What the fleet as a whole does."""

    STARTING = 0
    RUNNING = 1
    PAUSED = 2
    CRASH_LOOP = 3
    DRAINING = 4
    STOPPED = 5


# Header. 0, 1 and 2 are magic, schema and the number of slots.
PARENT_PID: Final = 3
STARTED_NS: Final = 4
STARTED_UNIX_MS: Final = 5
FLEET_STATE: Final = 6
FLEET_STATE_SINCE_NS: Final = 7
#: Workers wanted, and the highest slot ever used plus one.
TARGET: Final = 8
SLOTS_USED: Final = 9
#: The parent's loop turned.
PARENT_BEAT_NS: Final = 10
#: Longest that the loop woke late, ns.
WORST_LAG_NS: Final = 11
LOG_DROPPED: Final = 12
#: Ended processes that were not ours.
FOREIGN_ENDED: Final = 13
PENDING_RECLAIMS: Final = 14
#: Numbers of the next event in the ring.
NEXT_EVENT: Final = 15
RETRY_AT_NS: Final = 16
DRAIN_DEADLINE_NS: Final = 17
RELOADS_OK: Final = 18
RELOADS_FAILED: Final = 19
FORKS_FAILED: Final = 20
#: The configuration was read last: did it hold, and when (0: only at the start).
RELOAD_OK: Final = 21
RELOAD_UNIX_MS: Final = 22
#: When a pause ends by itself; 0: not paused, or without an end.
PAUSE_UNTIL_NS: Final = 23
#: A reload is under way.
RELOADING: Final = 24
#: Written by the HTTP child: its beat, and the TCP port it listens at (0: none).
HTTP_BEAT_NS: Final = 40
HTTP_PORT: Final = 41
#: The helpers' process words (below) stand in the header at these words.
JANITOR_AT: Final = 128
BROKER_AT: Final = 192
HTTP_AT: Final = 256

# Queue, written by the janitor. What it holds stands in the text beside them.
QUEUE_EVICTED: Final = 5
QUEUE_SAMPLED_NS: Final = 6
BACKEND_UP_SINCE_NS: Final = 7
BACKEND_DOWN_SINCE_NS: Final = 8
#: Jobs given back for dead owners, and leases ended by the sweep.
QUEUE_RECLAIMED: Final = 9
QUEUE_SWEPT: Final = 10
JANITOR_BEAT_NS: Final = 11
#: What the backend itself said last of ``QUEUE_EVICTED``, which it counts from its own start.
QUEUE_EVICTED_SAID: Final = 13
#: Dead letters removed because there were too many, or they were too old.
QUEUE_TRIMMED: Final = 14
#: When ``QUEUE_EVICTED`` grew last.
QUEUE_EVICTED_NS: Final = 15

# A process as the parent knows it: per slot, and for each helper.
PROCESS_PID: Final = 0
PROCESS_GENERATION: Final = 1
PROCESS_STATE: Final = 2
PROCESS_STATE_SINCE_NS: Final = 3
PROCESS_STARTED_NS: Final = 4
PROCESS_RESTARTS: Final = 6
PROCESS_DEATHS: Final = 7
#: ``Cause`` and ``Exit.word`` of the last end.
PROCESS_LAST_CAUSE: Final = 8
PROCESS_LAST_EXIT: Final = 9
PROCESS_LAST_END_NS: Final = 10
#: Crashes in a row, and when the next start is due (backoff, breaker).
PROCESS_CRASHES: Final = 11
PROCESS_NEXT_START_NS: Final = 12
PROCESS_LAST_MAXRSS_BYTES: Final = 13
PROCESS_WANTED: Final = 14
#: Restarts by the ``Cause`` of the end before.
PROCESS_RESTARTS_BY_CAUSE: Final = 32
