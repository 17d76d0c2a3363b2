"""The checker of histories finds each way to break the promise, and finds nothing in a good one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.chaos.history import History, Interruption, Request, find_faults, lost, repeats


def request(
    job: str,
    status: int = 200,
    attempt: int = 1,
    *,
    endpoint: str = "/e",
    name: str = "",
    at: float = 1.0,
    answered: bool = True,
) -> Request:
    told = answered and status != 0
    return Request(job, endpoint, name or f"id-{job}-{endpoint}", attempt, status, at, told)


KILL = Interruption("w00", 1, 1.0)
BIG_KILL = replace(KILL, in_flight=32)
ACCEPTED = {"a": 0.1, "b": 0.2, "c": 0.3}
ALL_DELIVERED = [request("a"), request("b"), request("c")]
#: Taken by a receiver that had nobody to tell.
UNHEARD = request("a", answered=False)
GOOD = History(ACCEPTED, ALL_DELIVERED)


@pytest.mark.parametrize(
    "history",
    [
        History({}),
        GOOD,
        History(ACCEPTED, queued=["a", "b", "c"]),
        History(ACCEPTED, dead=[("a", "poison"), ("b", "404"), ("c", "expired")]),
        History(ACCEPTED, [request("a")], [("b", "404")], ["c"]),
        replace(GOOD, uncertain=frozenset({"d"})),
        replace(GOOD, uncertain=frozenset({"d"}), requests=[*ALL_DELIVERED, request("d")]),
        History(ACCEPTED, [request("a", 500), request("a", 200, 2), *ALL_DELIVERED[1:]]),
        History(
            ACCEPTED,
            [
                request("a", 0),
                *ALL_DELIVERED[1:],
                request("a", 0, 2, at=11.1),
                request("a", 200, 3, at=22.0),
            ],
        ),
        History(
            ACCEPTED,
            [request("a", 0, at=0.5), *ALL_DELIVERED[1:], request("a", at=1.5)],
            interruptions=[KILL],
        ),
        History(ACCEPTED, [*ALL_DELIVERED, request("a")], interruptions=[KILL]),
        History(ACCEPTED, [UNHEARD, *ALL_DELIVERED], interruptions=[KILL]),
        History(ACCEPTED, [UNHEARD, *ALL_DELIVERED[1:]], queued=["a"]),
        History(ACCEPTED, [UNHEARD, *ALL_DELIVERED[1:]], [("a", "poison")]),
        History(ACCEPTED, [*ALL_DELIVERED, *ALL_DELIVERED[:2]], interruptions=[KILL, KILL]),
        History(ACCEPTED, ALL_DELIVERED, [("a", "poison")], interruptions=[KILL]),
        replace(GOOD, endpoints={"a": "/e", "b": "/e"}),
        History(ACCEPTED, [*ALL_DELIVERED, request("a", endpoint="/other")]),
        History(ACCEPTED, ALL_DELIVERED[::-1], groups={"a": "1", "b": "2"}),
        History(
            ACCEPTED,
            [request("b", answered=False), *ALL_DELIVERED],
            interruptions=[KILL],
            groups=dict.fromkeys("ab", "g"),
        ),
        History(
            ACCEPTED,
            [*ALL_DELIVERED, request("a")],
            interruptions=[KILL],
            groups=dict.fromkeys("abc", "g"),
        ),
    ],
    ids=[
        "empty",
        "delivered",
        "all waiting",
        "all dead",
        "one of each",
        "an uncertain job that was not written",
        "an uncertain job that was",
        "a retry",
        "requests without an answer",
        "a request without an answer, interrupted",
        "a job of a killed process again",
        "the same, and its first answer was for nobody",
        "an answer for nobody, and the job waits",
        "an answer for nobody, and the job is dead",
        "two jobs of two killed processes",
        "a job of a killed process quarantined after its delivery",
        "each to its own endpoint",
        "two endpoints",
        "no order between groups",
        "the first that was answered counts for the order",
        "a repeat is no disorder",
    ],
)
def test_a_good_history_has_no_faults(history: History) -> None:
    assert find_faults(history) == []


BROKEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a lost job": ({"requests": ALL_DELIVERED[:2]}, ["lost: 1: c"]),
    "only refused": ({"requests": [*ALL_DELIVERED[:2], request("c", 500)]}, ["lost: 1: c"]),
    "only unanswered": ({"requests": [*ALL_DELIVERED[:2], request("c", 0)]}, ["lost: 1: c"]),
    "taken, but nobody heard of it": (
        {"requests": [*ALL_DELIVERED[1:], UNHEARD], "interruptions": [KILL]},
        ["lost: 1: a"],
    ),
    "everything lost": ({"requests": []}, ["lost: 3: a, b, c"]),
    "delivered, never accepted": (
        {"requests": [*ALL_DELIVERED, request("x")]},
        ["never accepted: 1: x"],
    ),
    "dead, never accepted": ({"dead": [("x", "404")]}, ["never accepted: 1: x"]),
    "queued, never accepted": ({"queued": ["x"]}, ["never accepted: 1: x"]),
    "twice without a kill": (
        {"requests": [*ALL_DELIVERED, request("a")]},
        ["repeated 1 times, 0 were in flight: 1: a (2x)"],
    ),
    "more often than in flight": (
        {"requests": [*ALL_DELIVERED, request("a"), request("b")], "interruptions": [KILL]},
        ["repeated 2 times, 1 were in flight: 2: a (2x), b (2x)"],
    ),
    "more often than there were kills": (
        {"requests": [*ALL_DELIVERED, request("a"), request("a")], "interruptions": [BIG_KILL]},
        ["repeated more often than something died: 1: a"],
    ),
    "twice beside a kill that held nothing": (
        {
            "requests": [*ALL_DELIVERED, request("a"), request("a")],
            "interruptions": [BIG_KILL, replace(KILL, in_flight=0)],
        },
        ["repeated more often than something died: 1: a"],
    ),
    "dead again and again": (
        {
            "requests": ALL_DELIVERED[1:],
            "dead": [("a", "404")] * 3,
            "interruptions": [BIG_KILL],
        },
        ["repeated more often than something died: 1: a"],
    ),
    "to another's endpoint": (
        {"endpoints": {"a": "/e", "b": "/other"}},
        ["to another's endpoint: 1: b (to /e)"],
    ),
    "to its own and to another's": (
        {"requests": [*ALL_DELIVERED, request("a", endpoint="/f")], "endpoints": {"a": "/e"}},
        ["to another's endpoint: 1: a (to /f)"],
    ),
    "delivered and dead": (
        {"dead": [("a", "404")]},
        ["repeated 1 times, 0 were in flight: 1: a (delivered and dead)"],
    ),
    "delivered and queued": ({"queued": ["a"]}, ["repeated 1 times, 0 were in flight: 0: "]),
    "dead twice": (
        {"requests": ALL_DELIVERED[1:], "dead": [("a", "404"), ("a", "404")]},
        ["repeated 1 times, 0 were in flight: 0: "],
    ),
    "another id when sent again": (
        {"requests": [request("a", 500), request("a", 200, 2, name="new"), *ALL_DELIVERED[1:]]},
        ["another delivery id when sent again: 1: a"],
    ),
    "one id for two jobs": (
        {"requests": [*ALL_DELIVERED[:2], request("c", name="id-a-/e")]},
        ["one delivery id for several deliveries: 1: id-a-/e"],
    ),
    "an interruption that cost an attempt": (
        {"requests": [*ALL_DELIVERED, request("a", 200, 2)], "interruptions": [KILL]},
        ["an attempt was charged without a failure: 1: a (attempt 2)"],
    ),
    "a silent one's interruption that cost an attempt": (
        {
            "requests": [request("a", 0, at=0.5), request("a", 200, 2, at=1.5), *ALL_DELIVERED[1:]],
            "interruptions": [KILL],
        },
        ["an attempt was charged without a failure: 1: a (attempt 2)"],
    ),
    "a slow one's interruption that cost an attempt": (
        {"requests": [UNHEARD, request("a", 200, 2), *ALL_DELIVERED[1:]], "interruptions": [KILL]},
        ["an attempt was charged without a failure: 1: a (attempt 2)"],
    ),
    "no attempt": (
        {"requests": [request("a", 200, 0), *ALL_DELIVERED[1:]]},
        ["an attempt was charged without a failure: 1: a (attempt 0)"],
    ),
    "a failure counted twice": (
        {"requests": [request("a", 500), request("a", 200, 3), *ALL_DELIVERED[1:]]},
        ["an attempt was charged without a failure: 1: a (attempt 3)"],
    ),
    "a group out of order behind an answer for nobody": (
        {
            "requests": [UNHEARD, *ALL_DELIVERED[1:], request("a")],
            "interruptions": [KILL],
            "groups": {"a": "g", "c": "g"},
        },
        ["out of order: 1: a (group g)"],
    ),
    "a group out of order": (
        {"requests": ALL_DELIVERED[::-1], "groups": {"a": "g", "c": "g"}},
        ["out of order: 1: a (group g)"],
    ),
}


@pytest.mark.parametrize(("changes", "faults"), BROKEN.values(), ids=BROKEN)
def test_a_broken_history_is_found_out(changes: dict[str, Any], faults: list[str]) -> None:
    assert find_faults(replace(GOOD, **changes)) == faults


def test_all_faults_are_told_at_once() -> None:
    history = History(ACCEPTED, [request("x"), request("a"), request("a")])
    assert [fault.partition(":")[0] for fault in find_faults(history)] == [
        "lost",
        "never accepted",
        "repeated 1 times, 0 were in flight",
    ]
    assert lost(history) == ["b", "c"]
    assert repeats(history) == 1


def test_long_lists_are_cut() -> None:
    history = History({f"j{n:02}": 0.0 for n in range(12)})
    assert find_faults(history) == ["lost: 12: j00, j01, j02, j03, j04 and 7 more"]
