"""What becomes of a job that meets a fault of ours: tried again for a while, then dead. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from sockq.drivers.job import Dead, Lease, Retry
from sockq.workers.retry import FRESH_MS
from sockq.workers.target_state import decode, encode, ended

FIRST_DELAY_SECONDS: Final = 5.0
MAX_DELAY_SECONDS: Final = 60.0
LEAST_TRIES: Final = 5
MOST_TRIES: Final = 20


def own_fault(lease: Lease, error: BaseException, now_ms: int) -> Retry | Dead:
    """Settle a job that an exception ended: what is short now (memory, files) may be there later.

    A fault is given the time that an endpoint has: it ends after 290 s and five tries, and after
    twenty at the latest. They are counted from the last progress of the job.

    Args:
        lease: The claim.
        error: Only its type is told.
        now_ms: Unix time.
    """
    try:
        state = decode(lease.state)
    except ValueError:  # nothing can be written into it: the claims are counted, whatever they were
        faults, since_ms, after = lease.attempt, now_ms, lease.state
    else:
        faults, since_ms = state.faults + 1, state.fault_since_ms or now_ms
        after = encode(msgspec.structs.replace(state, faults=faults, fault_since_ms=since_ms))
    old = faults >= LEAST_TRIES and now_ms - since_ms >= FRESH_MS
    if old or faults >= MOST_TRIES:
        reason = f"internal error: {type(error).__name__}"
        return Dead(lease, reason, ended(lease.state, reason))
    delay_seconds = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (faults - 1))
    return Retry(lease, delay_seconds, after)
