"""The checker of processes finds each way to break its invariants; records become a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.chaos.invariants import (
    LAST_LOOKS,
    Limits,
    Recovery,
    find_process_faults,
    find_slow,
    find_survivors,
    find_wrong_exit,
)
from support.chaos.observer import Answer, Sample, Seen
from support.chaos.records import VARIABLE, Record, load_records

MIB = 1 << 20
CALM = Sample(at=1.0, fds=20, threads=1, rss=50 * MIB, stopped=False, children=(7, 8))
#: A child more, and its two descriptors.
ONE_MORE = replace(CALM, fds=22, children=(7, 8, 9))
#: At the stop: a child has ended, and the parent itself before it is reaped.
STOPPING = replace(CALM, fds=18, children=(8,))
GONE = replace(CALM, fds=0, rss=0, children=())


def seen(*samples: Sample, parent: Answer | None = None, control: Answer | None = None) -> Seen:
    quick = Answer(1.0, 0.001, 0.0)
    return Seen(list(samples), {"parent": [parent or quick], "control": [control or quick]})


@pytest.mark.parametrize(
    "what",
    [
        seen(CALM, CALM),
        seen(CALM, replace(CALM, fds=40), CALM),
        seen(CALM, CALM, replace(CALM, fds=40)),
        seen(CALM, replace(CALM, fds=21)),
        seen(CALM, *[ONE_MORE] * LAST_LOOKS),
        seen(CALM, ONE_MORE, STOPPING, GONE),
        seen(CALM, replace(CALM, rss=57 * MIB)),
        seen(CALM, parent=Answer(1.0, 0.2, 0.0)),
        seen(CALM, parent=Answer(1.0, 0.9, 0.7)),
        seen(CALM, parent=Answer(1.0, 0.9, 0.0), control=Answer(1.0, 0.8, 0.0)),
        seen(CALM, replace(CALM, at=2.9), control=Answer(2.9, 0.001, 0.0)),
        seen(CALM, replace(STOPPING, at=9.0), control=Answer(9.0, 0.001, 0.0)),
        seen(CALM, replace(CALM, at=9.0)),
    ],
    ids=[
        "calm",
        "passing descriptors",
        "one at the end",
        "too few looks to tell",
        "a child more",
        "a stop",
        "a little larger",
        "quick",
        "starved",
        "machine late",
        "just asked again",
        "asked no more at the stop",
        "nobody asked",
    ],
)
def test_a_good_parent_has_no_faults(what: Seen) -> None:
    assert find_process_faults(what, Limits()) == []


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (Seen(), "E: the parent was never seen"),
        (
            seen(CALM, *[replace(CALM, fds=21)] * LAST_LOOKS),
            "E: 21 descriptors at the end, 20 at first",
        ),
        (
            seen(CALM, *[replace(CALM, fds=21)] * LAST_LOOKS, STOPPING, GONE),
            "E: 21 descriptors at the end, 20 at first",
        ),
        (
            seen(CALM, *[replace(ONE_MORE, fds=23)] * LAST_LOOKS),
            "E: 21 descriptors at the end, 20 at first",
        ),
        (seen(CALM, replace(CALM, fds=45), CALM), "E: 45 descriptors at worst, 20 at first"),
        (seen(CALM, replace(CALM, threads=2), CALM), "E: 2 threads"),
        (seen(CALM, replace(CALM, rss=60 * MIB)), "E: 10 MiB larger than at first"),
        (seen(CALM, replace(CALM, rss=60 * MIB), GONE), "E: 10 MiB larger than at first"),
        (
            seen(CALM, parent=Answer(1.0, 0.9, 0.1)),
            "F: the parent answered after 800 ms, a process that only answers after 1 ms",
        ),
        (
            seen(CALM, replace(CALM, at=3.5), control=Answer(3.4, 0.001, 0.0)),
            "F: no answer in the last 2.4 s",
        ),
        (
            Seen([CALM], {"parent": [], "control": [Answer(1.0, 0.001, 0.0)]}),
            "F: the parent never answered",
        ),
    ],
    ids=[
        "unseen",
        "leak",
        "leak, then a stop",
        "leak beside a child more",
        "many descriptors",
        "thread",
        "memory",
        "memory, then a stop",
        "late",
        "silent",
        "never heard",
    ],
)
def test_a_broken_parent_is_found_out(what: Seen, fault: str) -> None:
    assert find_process_faults(what, Limits()) == [fault]


def test_a_scenario_that_stops_the_parent_does_not_judge_its_loop() -> None:
    late = seen(CALM, parent=Answer(1.0, 30.0, 0.0))
    silent = seen(CALM, replace(CALM, at=9.0), control=Answer(9.0, 0.001, 0.0))
    for what in (late, silent):
        assert find_process_faults(what, Limits(lag_seconds=None)) == []


LATE = Answer(at=6.0, seconds=1.5, starved=0.0)


@pytest.mark.parametrize(
    ("recovery", "control"),
    [
        (Recovery(10.0, 2.0), []),
        (Recovery(7.0, 3.4), [LATE]),
        (Recovery(9.6, 2.4), [LATE]),
        (Recovery(6.0, 2.4), [LATE]),
        (Recovery(6.0, 2.4, starved_seconds=0.4), []),
    ],
    ids=["in time", "the machine was late", "late as it began", "late as it ended", "starved"],
)
def test_a_recovery_has_its_time_and_what_the_machine_was_late_by(
    recovery: Recovery, control: list[Answer]
) -> None:
    assert find_slow([recovery], 2.0, control) == []


@pytest.mark.parametrize(
    ("recovery", "fault"),
    [
        (Recovery(7.0, 3.6), "D: 3.60 s until all workers were ready"),
        (Recovery(10.0, 2.4), "D: 2.40 s until all workers were ready"),
        (Recovery(5.9, 2.4), "D: 2.40 s until all workers were ready"),
        (Recovery(5.9, 2.4, starved_seconds=0.3), "D: 2.40 s until all workers were ready"),
    ],
    ids=["later than the machine", "late long before it", "late only behind it", "starved less"],
)
def test_a_slow_recovery_is_found_out(recovery: Recovery, fault: str) -> None:
    assert find_slow([Recovery(3.0, 1.0), recovery], 2.0, [LATE]) == [fault]


def test_the_exit_code_is_the_one_that_is_wanted() -> None:
    assert find_wrong_exit(0, 0) == find_wrong_exit(1, 1) == []
    assert find_wrong_exit(1, 0) == ["G: exit 1, not 0"]


def test_survivors_count_from_their_limit_on() -> None:
    assert find_survivors({}, 9.0, 1.0) == []
    assert find_survivors({7: "w00"}, 0.9, 1.0) == []
    assert find_survivors({7: "w00"}, 1.2, 1.0) == [
        "C: w00 (pid 7) runs 1.2 s after the parent's end"
    ]


def test_records_are_kept_one_for_each_scenario_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Record(2, "all die", "v1", 9, 4, 0, 1, 0.5, 1.0, 1.0, 3.0, passed=False)
    other = Record(1, "one dies", "v2", 9, 1, 0, 1, None, 1.0, 1.0, 3.0, passed=True)
    monkeypatch.delenv(VARIABLE, raising=False)
    first.save()
    assert load_records(tmp_path) == []
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for one in (first, other, replace(first, passed=True)):
        one.save()
    assert load_records(tmp_path) == [other, replace(first, passed=True)]
