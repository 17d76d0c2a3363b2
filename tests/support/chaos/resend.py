"""From the crash of a worker to its job being sent again, over and over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from support.chaos.rig import Rig
from support.until import until

_HELD: Final = {"silent": True}


def measure(rig: Rig, kills: int, tell: Callable[[float], None] = lambda _: None) -> list[float]:
    """Kill ``kills`` workers that wait for an answer; the seconds until the job comes again.

    Args:
        rig: Running, with at least two workers.
        kills: How many.
        tell: Told each.
    """
    found = []
    for _ in range(kills):
        until(lambda: not rig.fleet.busy(), within=10.0)
        rig.receiver.answer(every=_HELD)
        before = rig.receiver.count
        (job,) = rig.producer.put(1)
        until(lambda b=before: rig.receiver.count > b, within=10.0)  # type: ignore[misc]
        victim = rig.worker(busy=True)
        rig.receiver.answer()
        killed = rig.kill(victim)
        until(lambda j=job: j in rig.receiver.delivered(), within=10.0)  # type: ignore[misc]
        again = next(one for one in rig.receiver.read() if one.job == job and one.delivered)
        found.append(again.at - killed)
        tell(found[-1])
        rig.recovered(killed, [victim["pid"]])
    return found
