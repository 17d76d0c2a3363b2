"""The standing invariants about processes, over what an observer saw. Pure.

A and B, about jobs, stand in ``history``. C: nobody outlives the parent by more than its limit. D:
as many workers are ready as wanted. E: the parent's descriptors, threads and memory stay flat. F:
its loop is never late. G: the exit code is the documented one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from support.chaos.observer import Answer, Sample, Seen

#: The parent's loop answers within this, beyond what a process that only answers is late by.
LOOP_LAG_SECONDS: Final = 0.25
#: Clients of the control socket and children that come while others go.
PASSING_FDS: Final = 24
#: What is there in each of the last looks is there for good; a parent may be killed with one open.
LAST_LOOKS: Final = 5
#: Its channel and its pidfd: each child that is there beyond the first ones brings them.
CHILD_FDS: Final = 2
#: A parent that has handled some events is this much larger than one that has not.
GROWTH_BYTES: Final = 8 << 20
#: A parent that is there, and is asked all the time, was last heard of this long ago at most.
SILENCE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scenario allows.

    Attributes:
        lag_seconds: F; None: the scenario stops the parent itself.
        fds: E: descriptors that come for good, beside those of more children.
        growth_bytes: E.
    """

    lag_seconds: float | None = LOOP_LAG_SECONDS
    fds: int = 0
    growth_bytes: int = GROWTH_BYTES


@dataclass(frozen=True, slots=True)
class Recovery:
    """From a fault to all workers being ready.

    Attributes:
        ended_at: When they were, monotonic seconds.
        seconds: It took.
        starved_seconds: Of it, in which a new worker could have run and had no processor.
    """

    ended_at: float
    seconds: float
    starved_seconds: float = 0.0


def find_process_faults(seen: Seen, limits: Limits) -> list[str]:
    """Everything that breaks E or F, a line each."""
    if not seen.samples:
        return ["E: the parent was never seen"]
    return [*_flat(seen, limits), *_late(seen, limits)]


def find_survivors(
    running: Mapping[int, str], after_seconds: float, limit_seconds: float
) -> list[str]:
    """C: processes that still run ``after_seconds`` behind the parent's end, by pid and name."""
    if after_seconds < limit_seconds:
        return []
    return [
        f"C: {name} (pid {pid}) runs {after_seconds:.1f} s after the parent's end"
        for pid, name in running.items()
    ]


def find_slow(
    recoveries: Sequence[Recovery], limit_seconds: float, control: Sequence[Answer]
) -> list[str]:
    """D: recoveries that took longer than they may.

    Args:
        recoveries: All.
        limit_seconds: For each, beyond what the machine was late by meanwhile: to a new worker, or
            to a process that only answers.
        control: Of a process that only answers: what it was late by.
    """
    found = []
    for one in recoveries:
        began = one.ended_at - one.seconds
        late = [
            answer.seconds
            for answer in control
            if answer.at <= one.ended_at and answer.at + answer.seconds >= began
        ]
        if one.seconds > limit_seconds + max([one.starved_seconds, *late]):
            found.append(f"D: {one.seconds:.2f} s until all workers were ready")
    return found


def find_wrong_exit(code: int, wanted: int) -> list[str]:
    """G: the fleet ended with the exit code that is wanted."""
    return [] if code == wanted else [f"G: exit {code}, not {wanted}"]


def _whole(seen: Seen) -> list[Sample]:
    """Looks at a parent that has not ended, and all of whose children are there.

    Each child that ends at the stop takes its descriptors with it, and would hide others.
    """
    first = seen.samples[0]
    found = [one for one in seen.samples if one.rss and len(one.children) >= len(first.children)]
    return found or [first]


def _flat(seen: Seen, limits: Limits) -> Iterator[str]:
    first, whole = seen.samples[0], _whole(seen)
    most = max(sample.fds for sample in seen.samples)
    # with few looks the first is among the last ones: what is there for good cannot be told
    left = min(
        one.fds - CHILD_FDS * (len(one.children) - len(first.children))
        for one in whole[-LAST_LOOKS:]
    )
    if left > first.fds + limits.fds:
        yield f"E: {left} descriptors at the end, {first.fds} at first"
    if most > first.fds + limits.fds + PASSING_FDS:
        yield f"E: {most} descriptors at worst, {first.fds} at first"
    threads = max(sample.threads for sample in seen.samples)
    if threads != 1:
        yield f"E: {threads} threads"
    grown = whole[-1].rss - first.rss
    if grown > limits.growth_bytes:
        yield f"E: {grown >> 20} MiB larger than at first"


def _late(seen: Seen, limits: Limits) -> Iterator[str]:
    if limits.lag_seconds is None:
        return
    parent, control = seen.worst("parent"), seen.worst("control")
    if parent - control > limits.lag_seconds:
        yield (
            f"F: the parent answered after {parent * 1000:.0f} ms, "
            f"a process that only answers after {control * 1000:.0f} ms"
        )
    if not seen.answers["parent"]:
        yield "F: the parent never answered"
        return
    # the control's last answer shows that somebody asked until then
    end = min([_whole(seen)[-1].at, *(one.at for one in seen.answers["control"][-1:])])
    silence = end - seen.answers["parent"][-1].at
    if silence > SILENCE_SECONDS:
        yield f"F: no answer in the last {silence:.1f} s"
