"""The claim loop: how it waits, and how it comes back behind an outage."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, cast

import pytest

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.source import Source
from sockq.workers.claimer import PROBE_SECONDS, WAIT_SECONDS, WAIT_SHARE, Claimer, Room
from sockq.workers.outage import Outage, Recovery


class ScriptedSource:
    """Answers each claim with the next of ``answers``, then never again."""

    def __init__(self, answers: Sequence[Exception | None]) -> None:
        self.waits: list[float] = []
        self.all_asked = asyncio.Event()
        self._answers = list(answers)

    async def claim(self, _limit: int, wait_seconds: float, _owner: str) -> list[Any]:
        self.waits.append(wait_seconds)
        if not self._answers:
            self.all_asked.set()
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if answer is not None:
            raise answer
        return []


async def _claim(source: ScriptedSource, outage: Outage, lease_seconds: float = 30.0) -> None:
    claimer = Claimer(
        cast("Source", source),
        "owner",
        lease_seconds,
        Room(8),
        outage,
        start=lambda *_: None,
        on_answer=lambda: None,
    )
    claiming = asyncio.create_task(claimer.run())
    await asyncio.wait_for(source.all_asked.wait(), 5.0)
    claiming.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await claiming


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([None, None], [WAIT_SECONDS] * 3),
        # an empty queue is silent for as long as it is waited for: nobody would know it is back
        (
            [BackendUnavailable("away"), BackendUnavailable("away"), None],
            [WAIT_SECONDS, PROBE_SECONDS, PROBE_SECONDS, WAIT_SECONDS],
        ),
    ],
    ids=["calm", "behind an outage"],
)
def test_a_claim_waits_for_jobs_but_not_for_the_end_of_an_outage(
    answers: list[Exception | None], waits: list[float]
) -> None:
    told: list[str] = []

    async def run() -> ScriptedSource:
        source = ScriptedSource(answers)
        outage = Outage(
            Recovery(), on_down=lambda _: told.append("down"), on_up=lambda _: told.append("up")
        )
        await _claim(source, outage)
        return source

    assert asyncio.run(run()).waits == waits
    assert told == (["down", "up"] if PROBE_SECONDS in waits else [])


async def test_a_claim_waits_for_a_part_of_a_lease_only() -> None:
    """A lease counts from when it was asked for: one of the last moment has to be worth it."""
    source = ScriptedSource([None])
    outage = Outage(Recovery(), on_down=lambda _: None, on_up=lambda _: None)
    await _claim(source, outage, lease_seconds=6.0)
    assert source.waits == [6.0 * WAIT_SHARE] * 2
