"""Jobs that harm their worker: buried before the third death, and nobody else is blamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from support import poison_fleet
from support.chaos.rig import Rig
from support.chaos.scenario import scenario, starting_with
from support.memory_cgroup import memory_cgroup
from support.until import until

Chaos = Callable[..., Rig]

PROGRAM: Final = Path(poison_fleet.__file__)
BYSTANDERS: Final = 40
HANG_SECONDS: Final = 2.0
#: Of one worker's address space, and of a whole fleet.
WORKER_BYTES: Final = 1 << 30
FLEET_BYTES: Final = 400 << 20


def _harm(rig: Rig, poison: str, *, deaths: int) -> tuple[list[dict[str, Any]], str]:
    """Put one harmful job among others; returns the deaths that it took, and its last words."""
    rig.receiver.answer(every={"delay_seconds": 0.1})
    rig.producer.put(BYSTANDERS // 2, "steady")
    (name,) = rig.producer.put(1, poison)
    rig.producer.put(BYSTANDERS // 2, "steady")
    until(lambda: rig.fleet.queue()["dead"] == 1, within=60.0, explain=rig.fleet.log)
    ends = _deaths(rig)
    for end in ends:
        rig.interrupted(end["name"], end["held"])
    rig.settle()
    letters = dict(rig.ledger.read_dead())
    assert letters.keys() == {name}, "a bystander was blamed"
    assert len(_deaths(rig)) == len(ends) == deaths
    assert all(end["alone"] for end in ends[1:]), "it was not tried alone"
    assert letters[name].startswith("poison: ")
    assert f"crash {deaths} of it" in letters[name]
    until(lambda: len(rig.fleet.serving()) == rig.workers, within=20.0, explain=rig.fleet.log)
    return ends, letters[name]


def _deaths(rig: Rig) -> list[dict[str, Any]]:
    """Ends of workers that nobody asked for."""
    ends = rig.fleet.events("process-ended")
    return [end for end in ends if end["level"] == "warning"]


def _with(chaos: Chaos, poison: str, **settings: Any) -> Rig:
    endpoints: Sequence[str] = ("steady", poison)
    return chaos(workers=3, endpoints=endpoints, program=PROGRAM, **settings)


@scenario(7, *starting_with("bullmq"))
def test_a_job_holds_the_interpreter_for_ever(chaos: Chaos) -> None:
    """Scenario 7: found silent, its stack told, killed; the job is buried after another try."""
    with _with(chaos, "poison-hang", hang_seconds=HANG_SECONDS) as rig:
        ends, reason = _harm(rig, "poison-hang", deaths=2)
        assert {end["cause"] for end in ends} == {"hung"}
        # in the log: what silence was found, and the frame it was in
        assert len(rig.fleet.events("process-silent")) >= len(ends)
        assert all("poison_fleet.py" in end["stack"] for end in ends)
        assert "poison_fleet.py" in reason


@scenario(8, *starting_with("v2"))
def test_a_job_kills_its_worker(chaos: Chaos) -> None:
    """Scenario 8: SIGKILL may come from anywhere, so it has one try more; alone from the second."""
    with _with(chaos, "poison-kill") as rig:
        ends, _ = _harm(rig, "poison-kill", deaths=3)
        assert {end["exit"] for end in ends} == {"SIGKILL"}


@scenario(8, *starting_with("cluster"))
def test_a_job_makes_its_worker_fault(chaos: Chaos) -> None:
    """Scenario 8: a fault in C; two deaths are proof enough."""
    with _with(chaos, "poison-segv") as rig:
        ends, reason = _harm(rig, "poison-segv", deaths=2)
        assert {end["exit"] for end in ends} == {"SIGSEGV"}
        assert "poison_fleet.py" in reason


@scenario(9, *starting_with("v1"))
def test_a_job_takes_all_memory_of_its_worker(chaos: Chaos) -> None:
    """Scenario 9, with a limit of the worker's own: what gets no memory aborts."""
    limit = {"POISON_MEMORY_BYTES": str(WORKER_BYTES)}
    with _with(chaos, "poison-eat", env=limit) as rig:
        ends, _ = _harm(rig, "poison-eat", deaths=2)
        assert {end["exit"] for end in ends} == {"SIGABRT"}


@scenario(9, "memory", "v1", "v2", "bullmq", "sqs")
def test_the_kernel_ends_who_takes_all_memory(chaos: Chaos) -> None:
    """Scenario 9, in a control group: it takes the worker, told apart from other kills."""
    with memory_cgroup(FLEET_BYTES) as procs:
        limit = {"POISON_CGROUP": str(procs)}
        with _with(chaos, "poison-eat", env=limit) as rig:
            parent = rig.fleet.pid
            ends, reason = _harm(rig, "poison-eat", deaths=2)
            assert {(end["cause"], end["exit"]) for end in ends} == {("oom", "SIGKILL")}
            assert "ran out of memory" in reason
            assert rig.fleet.pid == parent
            assert rig.fleet.running
