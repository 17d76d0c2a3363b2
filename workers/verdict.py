"""From the results of a job's targets to its one settlement. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.workers.dead_reasons import UNKNOWN_APP
from sockq.workers.retry import Decision, Delivered, GiveUp, Parked, TryAgain
from sockq.workers.target_state import JobState, TargetState, decode, encode


class Unsent(msgspec.Struct, frozen=True, gc=False):
    """The request was never sent, because the worker stops."""


class NotDue(msgspec.Struct, frozen=True, gc=False):
    """Another target brought the job back; this one's time comes ``delay_seconds`` from now."""

    delay_seconds: float


class TargetResult(msgspec.Struct, frozen=True, gc=False):
    """What became of one target in this claim.

    Attributes:
        decision: What to do about it.
        state: Its state for the next try; None where it has none (delivered, or never tried).
    """

    decision: Decision | Unsent | NotDue
    state: TargetState | None


def conclude(
    lease: Lease,
    before: JobState | None,
    results: Mapping[str, TargetResult],
    now_ms: int,
    survived: int = 0,
) -> Settlement:
    """Decide what becomes of a job when every target that was open has its result.

    Args:
        lease: The claim to settle.
        before: The state it was claimed with.
        results: By target id; at least one.
        now_ms: Unix time.
        survived: For the state (see there), if this claim tried anything.

    Returns:
        ``Ack`` when nothing is owed and nothing failed for good; ``Dead`` when nothing is owed any
        more and some target failed for good; ``Retry`` when some target failed and will be tried
        again; ``Release`` when targets are owed but none was really tried.
    """
    total = _Sum(failed=dict(before.failed) if before is not None else {})
    for target_id, result in results.items():
        total.add(target_id, result, now_ms)
    failed = total.failed
    if not total.owed:
        if not failed:
            return Ack(lease)
        # A replay owes the failed targets again, and nobody else.
        ended = {
            target_id: total.given_up.get(target_id) or TargetState(reason=reason)
            for target_id, reason in failed.items()
        }
        return Dead(lease, _why(failed), encode(JobState(ended)))
    delay_seconds = min(total.waits)
    if not total.changed:
        # Nothing happened to the job: what it was claimed with still holds.
        return Release(lease, delay_seconds)
    kept = before.survived if before is not None else 0
    survived = max(kept, survived) if total.tried else kept
    after = encode(JobState(targets=total.owed, failed=failed, survived=survived))
    return (
        Retry(lease, delay_seconds, after)
        if total.charged
        else Release(lease, delay_seconds, after)
    )


@dataclass(slots=True)
class _Sum:
    failed: dict[str, str]
    owed: dict[str, TargetState] = field(default_factory=dict)
    given_up: dict[str, TargetState] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    changed: bool = False
    charged: bool = False
    tried: bool = False

    def add(self, target_id: str, result: TargetResult, now_ms: int) -> None:
        state = result.state or TargetState()
        match result.decision:
            case Delivered():
                self.changed = self.tried = True
            case GiveUp() as gave_up:
                self.changed = self.tried = True
                self.failed[target_id] = gave_up.reason
                self.given_up[target_id] = state.given_up(gave_up.reason)
            case TryAgain() as again:
                self.changed = self.charged = self.tried = True
                due_ms = now_ms + int(again.delay_seconds * 1000)
                self.owed[target_id] = msgspec.structs.replace(state, due_ms=due_ms)
                self.waits.append(again.delay_seconds)
            case Parked() as parked:
                self.changed = True  # since when it is held back, is part of its state
                self.owed[target_id] = state
                self.waits.append(parked.delay_seconds)
            case NotDue() as early:
                self.owed[target_id] = state
                self.waits.append(early.delay_seconds)
            case Unsent():
                self.owed[target_id] = state
                self.waits.append(0.0)


def unknown_app(
    lease: Lease,
    name: str,
    grace_seconds: float,
    now_ms: int,
    why: str = "no app of the configuration has this id",
) -> Settlement:
    """Settle a job whose app no store knows: wait for the app for a while, then dead-letter.

    Servers register the apps of their own file only after their workers have started; a job may
    come a moment before its app does (seen on Sockudo 4.7.0, which loses such jobs).
    """
    try:
        state = decode(lease.state)
    except ValueError as error:
        return Dead(lease, str(error), lease.state)
    since_ms = state.unknown_since_ms or now_ms
    left_seconds = grace_seconds - (now_ms - since_ms) / 1000
    if left_seconds <= 0:
        shown = "".join(c if c.isprintable() else "?" for c in name[:100])
        reason = f"{UNKNOWN_APP} {shown!r}: {why}"
        return Dead(lease, reason, encode(state.ended(reason)))
    after = encode(msgspec.structs.replace(state, unknown_since_ms=since_ms))
    return Release(lease, delay_seconds=min(left_seconds, 1.0), state=after)


def _why(failed: Mapping[str, str]) -> str:
    reasons = list(dict.fromkeys(failed.values()))
    if len(failed) == 1:
        return reasons[0]
    return f"{len(failed)} targets failed: " + "; ".join(reasons)
