"""A backend that is away: killed and back, or there and silent. Workers wait it out."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from support.chaos import proc
from support.chaos.door import Door, largest_share
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

Chaos = Callable[..., Rig]

WORKERS: Final = 4
#: The longest wait between two tries, and a start of the connection.
BACK_SECONDS: Final = 5.0
#: An answer is waited for so long; an idle claim blocks for as long again before.
SILENCE_SECONDS: Final = 10.0
ATTEMPTS_A_SECOND: Final = 5.0
#: By then the waits have grown to their full length.
GROWN_SECONDS: Final = 3.0
#: Long enough for some forty tries: of fourteen, three meet in a tenth of a second by chance.
DOOR_SECONDS: Final = 12.0


@scenario(23, "v1", "v2", "bullmq")
def test_redis_is_killed_and_comes_back(chaos: Chaos) -> None:
    """Scenario 23: no worker dies; each says once that it is away and once that it is back.

    In the second half of the outage something else listens at its port and notes who comes when:
    the fleet's tries are spread, and few.
    """
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS) as rig:
        redis = rig.backend.redis
        assert redis is not None
        rig.at_work(rate=60)
        before = rig.fleet.worker_pids()
        redis.kill()
        killed = time.monotonic()
        rig.interrupted("redis", WORKERS * rig.in_flight)
        rig.producer.end()
        until(lambda: _states(rig) == {"degraded"}, within=SILENCE_SECONDS + 1.0)
        until(lambda: time.monotonic() - killed > GROWN_SECONDS, within=GROWN_SECONDS)
        with Door(redis.port) as door:
            time.sleep(lasting(DOOR_SECONDS))  # the outage
        assert rig.fleet.status()["phase"] == "running"
        redis.restart()
        _is_back(rig, before)
        rig.producer.put(50)
        most = ATTEMPTS_A_SECOND * lasting(DOOR_SECONDS) * (WORKERS + 1)
        assert 2 * WORKERS < len(door.visits) < most
        assert largest_share(door.visits, 0.1) <= 0.2


@scenario(24, "v2", "bullmq", "v1")
def test_redis_is_stopped_and_goes_on(chaos: Chaos) -> None:
    """Scenario 24: connections stand and say nothing; given up in time, nobody is killed."""
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS) as rig:
        redis = rig.backend.redis
        assert redis is not None
        rig.at_work(rate=60, most=120)
        before = rig.fleet.worker_pids()
        proc.send(redis.pid, signal.SIGSTOP)
        rig.interrupted("redis", WORKERS * rig.in_flight)
        try:
            until(lambda: _states(rig) == {"degraded"}, within=SILENCE_SECONDS + 1.0)
            time.sleep(lasting(1.0))  # the outage
        finally:
            proc.send(redis.pid, signal.SIGCONT)
        _is_back(rig, before)
        rig.producer.put(50)


def _states(rig: Rig) -> set[str]:
    return {worker["state"] for worker in rig.fleet.status()["workers"]}


def _is_back(rig: Rig, before: list[int]) -> None:
    """Wait until all workers are ready: the same ones, each of which has said so once."""
    since = time.monotonic()
    until(lambda: _states(rig) == {"ready"}, within=BACK_SECONDS + 10.0, explain=rig.fleet.log)
    rig.recovered_now(since)
    assert rig.fleet.worker_pids() == before
    assert not rig.fleet.events("process-ended")
    assert rig.fleet.status()["phase"] == "running"
    workers = {f"w{number:02}" for number in range(rig.workers)}
    downs = _told(rig, "backend-down")
    assert workers <= downs.keys()
    # the janitor comes in its own time
    until(lambda: _told(rig, "backend-up").keys() == downs.keys(), within=BACK_SECONDS + 5.0)
    assert set(downs.values()) == set(_told(rig, "backend-up").values()) == {1}


def _told(rig: Rig, name: str) -> Counter[str]:
    return Counter(event["process"] for event in rig.fleet.events(name))
