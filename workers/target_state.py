"""What is known of a job's targets between tries. It travels with the job, opaque to the queue."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]
_MAX_REASON = 300


class TargetState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A target that is still owed.

    Attributes:
        attempts: Tries so far.
        first_attempt_ms: When the first one began, or was held back; unix milliseconds; 0: never.
        refusals: Answers so far that look final (a 404): few of them are enough.
        first_refusal_ms: When the first of these came; 0: none yet.
        reason: Why the last try failed; one line.
        due_ms: Not before this time again: another target may bring the job back earlier.
        past_attempts: Tries that ended in a dead letter: for lists, no decision looks at it.
        past_first_ms: When the first of these began; the same.
    """

    attempts: _Count = msgspec.field(default=0, name="n")
    first_attempt_ms: _Count = msgspec.field(default=0, name="t")
    refusals: _Count = msgspec.field(default=0, name="m")
    first_refusal_ms: _Count = msgspec.field(default=0, name="u")
    reason: str = msgspec.field(default="", name="r")
    due_ms: _Count = msgspec.field(default=0, name="d")
    past_attempts: _Count = msgspec.field(default=0, name="p")
    past_first_ms: _Count = msgspec.field(default=0, name="q")

    @property
    def tries_told(self) -> int:
        """Tries in all, those before a replay included."""
        return self.attempts + self.past_attempts

    @property
    def first_told_ms(self) -> int:
        """When the first of all these began; 0: never."""
        return self.past_first_ms or self.first_attempt_ms

    def given_up(self, reason: str) -> TargetState:
        """As a dead letter keeps it: a replay begins anew, and what was is told."""
        return TargetState(
            reason=reason, past_attempts=self.tries_told, past_first_ms=self.first_told_ms
        )


class JobState(msgspec.Struct, frozen=True, omit_defaults=True):
    """All targets of a job that matter still.

    Attributes:
        targets: By target id, those that are owed.
        failed: By target id, those that are given up, each with its reason.
        unknown_since_ms: When the job was first seen without its app being known; 0: never.
        survived: So many crashes had it when it last ran alone and harmed nobody.
        faults: Claims since its last progress that a fault of ours ended.
        fault_since_ms: When the first of these was; 0: there was none.
    """

    targets: dict[str, TargetState] = msgspec.field(default_factory=dict, name="o")
    failed: dict[str, str] = msgspec.field(default_factory=dict, name="f")
    unknown_since_ms: _Count = msgspec.field(default=0, name="s")
    survived: _Count = msgspec.field(default=0, name="c")
    faults: _Count = msgspec.field(default=0, name="i")
    fault_since_ms: _Count = msgspec.field(default=0, name="j")

    @property
    def fresh(self) -> bool:
        """Whether nothing has been tried: then every target is owed."""
        return not self.targets and not self.failed

    @property
    def owed(self) -> frozenset[str] | None:
        """For ``plan``: the targets that are owed; None for all."""
        return None if self.fresh else frozenset(self.targets)

    def ended(self, reason: str) -> JobState:
        """As a dead letter keeps it: a replay owes what was owed or failed, and nobody else."""
        owed = {name: target.given_up(reason) for name, target in self.targets.items()}
        return JobState({name: TargetState(reason=why) for name, why in self.failed.items()} | owed)


_FRESH = JobState()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JobState).decode


def encode(state: JobState) -> bytes:
    """Write a state for the queue; a fresh one is ``b""``. Reasons are cut to 300 characters."""
    if state == _FRESH:
        return b""
    targets = {
        name: target
        if len(target.reason) <= _MAX_REASON
        else msgspec.structs.replace(target, reason=target.reason[:_MAX_REASON])
        for name, target in state.targets.items()
    }
    failed = {name: reason[:_MAX_REASON] for name, reason in state.failed.items()}
    return _encode(msgspec.structs.replace(state, targets=targets, failed=failed))


def decode(data: bytes) -> JobState:
    """Read what ``encode`` wrote, here or in another version: unknown fields are ignored.

    Raises:
        ValueError: It is something else.
    """
    if not data:
        return _FRESH
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the state kept with the job cannot be read") from None


def ended(data: bytes, reason: str) -> bytes:
    """``JobState.ended`` of a state; one that cannot be read stays as it is."""
    try:
        return encode(decode(data).ended(reason))
    except ValueError:
        return data


def survived(data: bytes) -> int:
    """``JobState.survived`` of a state that may be damaged."""
    try:
        return decode(data).survived
    except ValueError:
        return 0
