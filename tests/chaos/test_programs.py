"""The programs beside the scenarios, shortly: the soak, and how soon jobs are sent again."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from support.chaos.backends import Backend
from support.chaos.resend import measure
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario, starting_with
from support.chaos.soak import Plan, Soak

Chaos = Callable[..., Rig]


@scenario(1, *starting_with("memory"))
def test_a_dead_workers_job_is_sent_again_at_once(chaos: Chaos) -> None:
    """Scenario 1, measured: half of them within half a second, all within two."""
    with chaos(workers=3, recovery_seconds=4.0) as rig:
        found = measure(rig, int(lasting(5)))
        assert median(found) < 0.5 + rig.fleet.machine_seconds()
        assert max(found) < 2.0 + rig.fleet.machine_seconds()


@scenario(0, *starting_with("v1"))
def test_a_short_soak(backend: Backend) -> None:
    """The soak in short: kills from a seed, and Redis restarted once."""
    plan = Plan(lasting(10.0), seed=5, rate=100.0, redis_seconds=lasting(6.0))
    soak = Soak(backend, plan, lambda _: None)
    soak.run()
    assert soak.progress.kills.total() >= plan.seconds / plan.kill_seconds / 2
