"""Unix time that goes on when somebody sets the wall clock."""

from __future__ import annotations

import time

import pytest

from sockq.workers.retry import FRESH_MS
from sockq.workers.unix_clock import UnixClock, unix_ms

HOUR_MS = 3_600_000
BEGAN_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        # each look: seconds since the first one, and how far the wall clock was set by then
        ([(0, 0), (60, 0)], [0, 60_000]),
        ([(0, 0), (60, 1_500), (120, 3_000)], [0, 61_500, 123_000]),
        ([(0, 0), (60, HOUR_MS), (61, HOUR_MS)], [0, 60_000, 61_000]),
        ([(0, 0), (60, -HOUR_MS), (61, -HOUR_MS)], [0, 60_000, 61_000]),
        ([(0, 0), (60, HOUR_MS), (61, 0), (62, HOUR_MS)], [0, 60_000, 61_000, 62_000]),
        (
            [(0, 0), (60, HOUR_MS), (60 + FRESH_MS // 1000, HOUR_MS)],
            [0, 60_000, 60_000 + FRESH_MS + HOUR_MS],
        ),
        # a jump that was taken back begins anew
        (
            [(0, 0), (60, HOUR_MS), (90, 0), (61 + FRESH_MS // 1000, HOUR_MS)],
            [0, 60_000, 90_000, 61_000 + FRESH_MS],
        ),
    ],
    ids=["calm", "in step", "ahead", "back", "to and fro", "believed", "taken back"],
)
def test_a_jump_counts_only_when_what_was_stamped_before_it_has_ended(
    looks: list[tuple[int, int]], told: list[int]
) -> None:
    clock = UnixClock()
    seen = [
        clock.now_ms(BEGAN_MS + seconds * 1000 + set_ms, 5_000 + seconds * 1000)
        for seconds, set_ms in looks
    ]
    assert [one - BEGAN_MS for one in seen] == told


def test_the_clock_of_this_process_is_the_machine_s() -> None:
    assert unix_ms() == pytest.approx(time.time() * 1000, abs=1_000)
