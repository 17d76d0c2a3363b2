"""When a target of a job that came back is due. Pure.

The times are of the clock of the process that wrote them, which may be another host's. The queue
counts by its own, and has waited until the earliest target is due: that one is, whatever the clock
here says, and the others come as much later as they were to.
"""

from __future__ import annotations

from collections.abc import Mapping

from sockq.workers.apps import RetrySettings
from sockq.workers.retry import longest_delay_seconds
from sockq.workers.target_state import TargetState


def seconds_until_due(
    target: TargetState | None,
    owed: Mapping[str, TargetState],
    settings: RetrySettings | None,
    now_ms: int,
) -> float:
    """Return for how long a target has to wait still; 0: no longer.

    Args:
        target: Its state; None: never tried.
        owed: All targets that the job owed when it was claimed.
        settings: The target's; none waits longer than its schedule knows.
        now_ms: Unix time, of this process's clock.
    """
    if target is None or target.due_ms <= now_ms:
        return 0.0
    earliest_ms = min(other.due_ms for other in owed.values())
    wait_seconds = (target.due_ms - max(now_ms, earliest_ms)) / 1000
    return min(wait_seconds, longest_delay_seconds(settings))
