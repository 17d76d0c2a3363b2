"""Trouble with a backend: when it begins, and when it is over."""

from __future__ import annotations

import asyncio

import pytest

from sockq.drivers.errors import BackendUnavailable
from sockq.workers.outage import Outage, Recovery, Verb

AWAY = BackendUnavailable("away")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["ok claim"], ""),
        (["fail claim", "ok claim"], "down up"),
        (["fail claim", "fail claim", "ok claim", "ok claim"], "down up"),
        # a server without memory ends leases and gives none
        (["fail claim", "ok settle", "fail claim", "ok settle"], "down"),
        (["fail claim", "fail settle", "ok claim", "ok settle"], "down up"),
        (["fail extend", "ok claim", "ok extend"], "down up"),
    ],
    ids=["never", "once", "twice", "half", "both", "renewal"],
)
def test_it_lasts_until_every_verb_that_failed_has_succeeded(steps: list[str], told: str) -> None:
    heard: list[str] = []

    async def run() -> None:
        recovery = Recovery()
        outage = Outage(recovery, lambda _: heard.append("down"), lambda _: heard.append("up"))
        for step in steps:
            how, name = step.split()
            verb = Verb[name.upper()]
            if how == "ok":
                outage.over(verb)
            else:
                waiting = asyncio.ensure_future(outage.wait(verb, AWAY))
                await asyncio.sleep(0)
                recovery.announce()
                await waiting
        assert outage.down == (not told.endswith("up") and told != "")

    asyncio.run(run())
    assert " ".join(heard) == told
