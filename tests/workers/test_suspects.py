"""What is done with a job whose workers died, by what was seen of their deaths."""

from __future__ import annotations

import pytest

from sockq.drivers.job_mark import mark_of
from sockq.workers.deaths import Death
from sockq.workers.journal import job_key
from sockq.workers.suspects import Alone, Poison, judge

ID = "j-1"
KEY = job_key("queue", ID)
OTHER = job_key("other queue", ID)


def alone(cause: str, crashes: int, *, key: str = KEY, at_hand: bool = False) -> Death:
    at_work = frozenset({mark_of(ID)})
    return Death(
        "w00", cause, "SIGKILL", 1, 2.0, 3.0, 44, key, crashes, at_hand, ("f (a.py:1)",), 1, at_work
    )


def company(cause: str = "crash", *, idle: bool = False, in_hand: str = "j-2") -> Death:
    at_work = frozenset(map(mark_of, ("j-2", "j-3") if idle else (ID, "j-2", "j-3")))
    hand = mark_of(in_hand)
    return Death("w01", cause, "SIGSEGV", 1, held=3, at_work=at_work, in_hand=hand)


RUN = Alone(strict=False)
STRICT = Alone(strict=True)


@pytest.mark.parametrize(
    ("crashes", "survived", "deaths", "verdict"),
    [
        pytest.param(0, 0, [], None, id="a job as any other"),
        pytest.param(0, 0, [alone("crash", 0)], None, id="replayed: a new job"),
        pytest.param(1, 0, [company()], RUN, id="it was at work in one that crashed"),
        pytest.param(2, 0, [company(), company("hung")], STRICT, id="in two"),
        pytest.param(0, 0, [company(idle=True)], None, id="it only waited there"),
        pytest.param(1, 0, [company(), company(idle=True)], RUN, id="and was at work before"),
        pytest.param(1, 0, [company("killed")], None, id="it was on the wire when it was killed"),
        pytest.param(2, 0, [company("killed")] * 2, STRICT, id="twice"),
        pytest.param(2, 0, [company(), company("killed")], RUN, id="a crash and a kill"),
        pytest.param(1, 0, [company("killed", in_hand=ID)], RUN, id="it was in hand"),
        pytest.param(
            3, 2, [company("killed"), company(), company()], RUN, id="what it survived is past"
        ),
        pytest.param(9, 0, [company()] * 9, STRICT, id="a bystander is never condemned"),
        pytest.param(1, 1, [company()], None, id="it ran alone since and harmed nobody"),
        pytest.param(2, 1, [company(), company()], RUN, id="and was held by another since"),
        pytest.param(2, 0, [company(), alone("killed", 1)], STRICT, id="killed once alone"),
        pytest.param(
            3, 0, [company(), alone("killed", 1), alone("killed", 2)], STRICT, id="hit twice"
        ),
        pytest.param(2, 0, [company(), alone("crash", 1, key=OTHER)], STRICT, id="a namesake"),
        pytest.param(1, 0, [alone("crash", 1)], RUN, id="what it did before its replay is past"),
        pytest.param(3, 0, [], STRICT, id="nothing is known of three"),
        pytest.param(4, 0, [company()], STRICT, id="nor of three of four"),
        pytest.param(5, 2, [], STRICT, id="those it survived do not count"),
    ],
)
def test_it_is_run(crashes: int, survived: int, deaths: list[Death], verdict: Alone | None) -> None:
    assert judge(KEY, ID, crashes, survived, deaths) == verdict


@pytest.mark.parametrize(
    ("crashes", "deaths"),
    [
        pytest.param(2, [company(), alone("crash", 1)], id="crashed alone"),
        pytest.param(2, [company(), alone("hung", 1)], id="hung alone"),
        pytest.param(2, [company(), alone("oom", 1)], id="ran out of memory alone"),
        pytest.param(
            3,
            [company("killed"), *[alone("killed", n, at_hand=True) for n in (1, 2)]],
            id="killed twice while it was prepared",
        ),
        pytest.param(
            5, [*[company("killed")] * 2, *[alone("killed", n) for n in (2, 3, 4)]], id="killed"
        ),
        pytest.param(4, [], id="nothing is known of four"),
        pytest.param(6, [company(), company()], id="nor of four of six"),
    ],
)
def test_it_is_buried(crashes: int, deaths: list[Death]) -> None:
    assert isinstance(judge(KEY, ID, crashes, 0, deaths), Poison)


def test_the_reason_holds_the_proof() -> None:
    verdict = judge(KEY, ID, 2, 0, [company(), alone("hung", 1)])
    assert isinstance(verdict, Poison)
    assert verdict.reason == (
        "poison: w00 hung (SIGKILL) with this job alone, crash 2 of it; 44 MiB at most, "
        "3.0s of processor time, up 2.0s; at f (a.py:1)"
    )
