from __future__ import annotations

import pytest

from sockq.workers.target_state import JobState, TargetState, decode, encode


def test_a_fresh_state_is_no_bytes_and_owes_all() -> None:
    assert encode(JobState()) == b""
    assert decode(b"") == JobState()
    assert decode(b"").fresh
    assert decode(b"").owed is None


def test_it_comes_back_as_it_went() -> None:
    state = JobState(
        {
            "aa": TargetState(2, 1_700_000_000_000, 1, 1_700_000_000_500, "status 404"),
            "bb": TargetState(),
        },
        {"cc": "endpoint answered 410 Gone"},
    )
    data = encode(state)
    assert decode(data) == state
    assert not state.fresh
    assert state.owed == frozenset({"aa", "bb"})
    assert len(data) < 160


def test_nothing_owed_is_not_all_owed() -> None:
    state = decode(encode(JobState({}, {"cc": "gone"})))
    assert state.owed == frozenset()


def test_long_reasons_are_cut() -> None:
    state = JobState({"a": TargetState(1, 1, reason="x" * 9999)}, {"b": "y" * 9999})
    assert len(encode(state)) < 800


def test_unknown_fields_are_ignored() -> None:
    got = decode(b'{"o":{"aa":{"n":1,"new":[1]}},"later":{"x":1}}')
    assert got == JobState({"aa": TargetState(1)})


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"null",
        b"[]",
        b"{",
        b'{"o":[]}',
        b'{"o":{"a":1}}',
        b'{"o":{"a":{"n":-1}}}',
        b'{"o":{"a":{"n":"1"}}}',
        b'{"f":{"a":1}}',
        b'{"f":{"a":"\xff"}}',
        b"\xff\xfe",
        b'{"o":' * 100_000,
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        decode(data)
