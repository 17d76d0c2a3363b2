"""How dead letters are shown."""

from __future__ import annotations

from collections import Counter

import pytest
from support.jobs import job
from support.letters import NOW_MS, letter, state

from sockq.supervisor.dead_letter import Target
from sockq.supervisor.dead_store import Counts
from sockq.supervisor.dead_text import count_lines, document, letter_lines, table
from sockq.workers.target_state import TargetState

ID = "1a2225c7ac4e0a3578d070f572000013"


def test_counts_come_by_reason_and_app() -> None:
    counts = Counts()
    for n in range(3):
        counts.add(letter(f"id-{n}", reason=f"endpoint answered 404 ({n} attempts)"), frozenset())
    counts.add(letter("x", payload=b"?", reason="invalid job: not JSON"), frozenset({"x"}))
    assert list(count_lines(counts, None)) == [
        "4 dead letters in queue-1",
        "by reason  3  endpoint answered 404",
        "           1  invalid job",
        "by app     3  app-id",
        "           1  (not readable)",
    ]
    assert counts.ids == {"x"}


def test_many_of_a_kind_end_in_a_line_for_the_rest() -> None:
    counts = Counts(Counter({f"reason {n}": 100 - n for n in range(20)}), Counter(), Counter("ab"))
    lines = list(count_lines(counts, 30))
    assert lines[:3] == ["2 dead letters", "by queue   1  a", "           1  b"]
    assert lines[-1] == f"           {sum(100 - n for n in range(8, 20)):,}  in 12 more"
    assert len([line for line in lines if "reason " in line]) == 8


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_table_fits_its_terminal_and_never_cuts_an_id(width: int) -> None:
    letters = [
        letter(ID, reason="endpoint answered 404 (3 attempts) " * 5),
        letter(ID, payload=job("c", name="x" * 60), reason="größer 漢字" * 20),
    ]
    lines = table(letters, NOW_MS, width)
    assert all(len(line) <= width for line in lines)
    assert all(ID in line for line in lines[1:])
    assert ("APP" in lines[0]) == (width >= 80)
    assert ("EVENTS" in lines[0]) == (width >= 120)
    assert lines[0].startswith("AGE    ID")
    assert lines[1].startswith("1m00s  ")


def test_a_pipe_gets_whole_lines() -> None:
    reason = "endpoint answered 404 (3 attempts) " * 9
    (_, line) = table([letter(ID, reason=reason)], NOW_MS, None)
    assert line.endswith(reason.strip())


def test_what_comes_from_outside_cannot_move_the_cursor() -> None:
    evil = letter("id\x1b[2J", reason="a\x1b]0;x\x07\r\nb", payload=job("c\\u001b[31m"))
    owed = [Target("t\x1b", "http://x\x1b", TargetState(reason="\x1b"))]
    shown = [*table([evil], NOW_MS, None), *letter_lines(evil, owed, NOW_MS)]
    assert [line for line in shown if not line.isprintable()] == []


def test_all_that_is_known_of_a_letter_is_shown_but_no_secret() -> None:
    was = TargetState(reason="status 404", past_attempts=3, past_first_ms=NOW_MS - 90_000)
    found = letter(ID, state=state(t_ab=was), crashes=1)
    owed = [Target("ab", "https://hooks.example.com/a", was)]
    text = "\n".join(letter_lines(found, owed, NOW_MS))
    for part in (
        f"id        {ID}",
        "queue     queue-1",
        "reason    endpoint answered 404 (3 attempts)",
        "died      2027-01-15T07:59:00Z, 1m00s ago",
        "app       app-id (key app-key)",
        "event     channel_occupied room",
        "attempts  3",
        "crashes   1",
        "owed      https://hooks.example.com/a (ab)",
        "attempts 3",
        "first failure 2027-01-15T07:58:30Z, 1m30s ago",
        "last error: status 404",
        '"app_secret": "***"',
    ):
        assert part in text
    assert "app-secret" not in text
    shown = document(found, owed, NOW_MS)
    assert shown["targets"] == [
        {
            "id": "ab",
            "endpoint": "https://hooks.example.com/a",
            "attempts": 3,
            "first_failure_ms": NOW_MS - 90_000,
            "last_error": "status 404",
        }
    ]
    assert (shown["app_id"], shown["age_seconds"], shown["crashes"]) == ("app-id", 60.0, 1)
    assert "app-secret" not in str(shown)


def test_times_that_are_no_dates_and_states_that_are_none_are_shown_all_the_same() -> None:
    odd = letter(ID, payload=job("c", time_ms=2**63 - 1), state=b"{nonsense", died_at_ms=-5)
    lines = list(letter_lines(odd, [], NOW_MS))
    assert any(line.startswith("made") and line.endswith(", in the future") for line in lines)
    assert any(line.startswith("died      1969-12-31T23:59:59Z") for line in lines)
    assert "targets   the state kept with it cannot be read (9 bytes)" in lines
