"""A fleet under random kills for as long as wanted; what is random follows from a seed.

Once a second a worker, the janitor or the HTTP child is killed; Redis is killed and started again
now and then. A producer writes at a steady pace for three endpoints: one is slow, one fails for a
moment every few seconds. At the end the fleet drains, and every invariant is asserted.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from support.chaos import proc
from support.chaos.backends import Backend
from support.chaos.invariants import Recovery
from support.chaos.rig import Rig
from support.until import until

ENDPOINTS: Final = ("steady", "slow", "shaky")
WORKERS: Final = 4
RATE: Final = 150.0
REDIS_SECONDS: Final = 120.0
#: Workers are what a fleet has most of.
VICTIMS: Final = {"worker": 8, "janitor": 1, "http": 1}
#: A slot killed again and again waits up to a second, then starts.
RECOVERY_SECONDS: Final = 6.0
DRAIN_SECONDS: Final = 180.0
REDIS_AWAY_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.05
_SLOW: Final = {"delay_seconds": 0.1}
_FAILS_EVERY_SECONDS: Final = 5.0
_FAILS_SECONDS: Final = 0.5

Tell = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        seconds: How long.
        seed: Of all chance.
        rate: Jobs a second.
        kill_seconds: From one kill to the next.
        redis_seconds: From one kill of Redis to the next.
    """

    seconds: float
    seed: int
    rate: float = RATE
    kill_seconds: float = 1.0
    redis_seconds: float = REDIS_SECONDS


@dataclass(slots=True)
class Progress:
    """Where a soak is.

    Attributes:
        elapsed: Seconds.
        accepted: Jobs so far.
        delivered: Jobs so far.
        requests: That the receiver took.
        kills: By whom.
        state: What is being done.
    """

    elapsed: float = 0.0
    accepted: int = 0
    delivered: int = 0
    requests: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    state: str = "running"


class Soak:
    """One soak on one backend.

    Attributes:
        progress: So far.
        rig: Its world.
    """

    def __init__(self, backend: Backend, plan: Plan, tell: Tell) -> None:
        self.progress = Progress()
        self.rig = Rig(
            backend,
            0,
            "soak",
            workers=WORKERS,
            endpoints=ENDPOINTS,
            recovery_seconds=RECOVERY_SECONDS,
            settle_seconds=DRAIN_SECONDS,
            env={"SOCKQ_HTTP": "127.0.0.1:0"},
        )
        self._plan = plan
        self._tell = tell
        self._chance = random.Random(plan.seed)
        self._waiting: dict[str, tuple[int, float]] = {}
        self._rules: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Do it. Raises ``AssertionError`` with everything that was broken."""
        plan, rig = self._plan, self.rig
        with rig:
            rig.producer.begin(plan.rate)
            began = time.monotonic()
            next_kill, next_redis = began + plan.kill_seconds, began + plan.redis_seconds
            while (now := time.monotonic()) < began + plan.seconds:
                self._answer(now - began)
                if now >= next_kill:
                    next_kill += plan.kill_seconds
                    self._kill()
                if now >= next_redis and rig.backend.redis is not None:
                    next_redis += plan.redis_seconds
                    self._restart_redis()
                self._see(now - began)
                time.sleep(_LOOK_SECONDS)  # the soak's own pace
            rig.producer.end()
            rig.receiver.answer()
            self.progress.state = "draining"
            self._see(time.monotonic() - began)
            until(lambda: self._all_back(began), within=RECOVERY_SECONDS + 10.0)
            rig.recovered(time.monotonic())
            rig.settle()
            self._see(time.monotonic() - began)
        self.progress.state = "done"

    def _all_back(self, began: float) -> bool:
        self._see(time.monotonic() - began)
        return not self._waiting

    def _answer(self, elapsed: float) -> None:
        fails = elapsed % _FAILS_EVERY_SECONDS > _FAILS_EVERY_SECONDS - _FAILS_SECONDS
        rules: dict[str, dict[str, Any]] = {"slow": _SLOW}
        if fails:
            rules["shaky"] = {"status": 500}
        if rules != self._rules:
            self._rules = rules
            self.rig.receiver.answer(**rules)

    def _kill(self) -> None:
        (kind,) = self._chance.choices([*VICTIMS], weights=[*VICTIMS.values()])
        status = self.rig.fleet.status()
        if kind == "worker":
            found = self.rig.fleet.serving()
        else:
            found = [one for one in status["helpers"] if one["name"] == kind and one["pid"]]
        if not found:
            return  # it is on its way back
        victim = self._chance.choice(found)
        at = self.rig.kill(victim, held=None if kind == "worker" else 0)
        self._waiting[victim["name"]] = (victim["pid"], at)
        self.progress.kills[kind] += 1

    def _restart_redis(self) -> None:
        redis = self.rig.backend.redis
        assert redis is not None
        # each claim and each settlement under way may be cut in the middle
        self.rig.interrupted("redis", WORKERS * self.rig.in_flight)
        redis.kill()
        time.sleep(REDIS_AWAY_SECONDS)
        redis.restart()
        self.progress.kills["redis"] += 1

    def _see(self, elapsed: float) -> None:
        rig, progress = self.rig, self.progress
        progress.elapsed = elapsed
        progress.accepted = len(rig.producer.accepted)
        progress.delivered = len(rig.receiver.delivered())
        progress.requests = rig.receiver.taken
        status = rig.fleet.status()
        there = {
            one["name"]: one["pid"]
            for one in (*rig.fleet.serving(), *status.get("helpers", []))
            if one["pid"]
        }
        now = time.monotonic()
        for name, (pid, killed) in list(self._waiting.items()):
            if there.get(name, pid) != pid and proc.is_running(there[name]):
                rig.recoveries.append(Recovery(now, now - killed))
                del self._waiting[name]
        self._tell(progress)
