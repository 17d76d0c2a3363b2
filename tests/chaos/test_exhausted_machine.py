"""A machine that has nothing left: no process, no descriptor."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest
from support.chaos import proc
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

Chaos = Callable[..., Rig]

#: Not root: the kernel lets root have processes without a limit. It may read what root may.
_NOBODY: Final = 65_534
_AS_NOBODY: Final = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    *("--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override"),
)


@contextmanager
def _no_more_processes(pid: int, wrap: Sequence[str]) -> Iterator[None]:
    """Let a process have no child more; only its own user may change its limits."""
    command = [*wrap, "prlimit", f"--pid={pid}"]
    subprocess.run([*command, "--nproc=1:"], check=True, timeout=10)
    try:
        yield
    finally:
        if proc.is_running(pid):
            most, _ = resource.getrlimit(resource.RLIMIT_NPROC)  # what the fleet started with
            told = "unlimited" if most == resource.RLIM_INFINITY else most
            subprocess.run([*command, f"--nproc={told}:"], check=True, timeout=10)


@contextmanager
def _limited(pid: int, which: int, most: int) -> Iterator[None]:
    """Bound a resource of a process that runs, from outside."""
    before = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (most, before[1]))
    try:
        yield
    finally:
        if proc.is_running(pid):
            resource.prlimit(pid, which, before)


@scenario(20, "v1", "memory")
def test_no_process_is_to_be_had(chaos: Chaos) -> None:
    """Scenario 20: fork fails for a while; the slot waits and tries, the other workers go on."""
    wrap = _AS_NOBODY if os.geteuid() == 0 else ()
    if wrap and not shutil.which("setpriv"):
        pytest.skip("root's processes have no limit, and setpriv is not there to be somebody else")
    # the next try may be a whole delay away when processes are to be had again
    rig = chaos(workers=3, recovery_seconds=10.0, wrap=wrap)
    if wrap:
        os.chown(rig.fleet.directory, _NOBODY, _NOBODY)
    with rig:
        fleet = rig.fleet
        rig.receiver.answer(every={"delay_seconds": 0.2})
        rig.producer.begin(rate=40)
        victim = rig.worker(busy=True)
        others = {worker["pid"] for worker in fleet.serving()} - {victim["pid"]}
        with _no_more_processes(fleet.pid, wrap):
            rig.kill(victim)
            until(lambda: fleet.events("fork-failed"), within=5.0, explain=fleet.log)
            end = time.monotonic() + lasting(4.0)
            while time.monotonic() < end:
                before = len(rig.receiver.delivered())
                until(lambda: len(rig.receiver.delivered()) > before, within=3.0)  # noqa: B023
                assert {worker["pid"] for worker in fleet.serving()} == others
                time.sleep(0.1)  # a look now and then is enough
            (slot,) = [w for w in fleet.status()["workers"] if w["name"] == victim["name"]]
            assert slot["state"] == "backoff"
            failures = fleet.events("fork-failed")
            assert 2 <= len(failures) <= 5 + lasting(4.0)
        free = time.monotonic()
        rig.recovered(free, [victim["pid"]])
        rig.producer.end()
        assert others < {worker["pid"] for worker in fleet.serving()}


@scenario(21, "v1", "memory")
def test_no_descriptor_is_to_be_had(chaos: Chaos) -> None:
    """Scenario 21: the parent still reaps, answers, and does not turn in circles for a client."""
    with chaos(workers=3, recovery_seconds=10.0) as rig:
        fleet = rig.fleet
        rig.receiver.answer(every={"delay_seconds": 0.2})
        rig.producer.begin(rate=40)
        victim = rig.worker(busy=True)
        others = {worker["pid"] for worker in fleet.serving()} - {victim["pid"]}
        with _limited(fleet.pid, resource.RLIMIT_NOFILE, 3):
            rig.kill(victim)
            until(lambda: not proc.state(victim["pid"]), within=1.0)
            until(lambda: fleet.events("fork-failed"), within=5.0, explain=fleet.log)
            _take_the_rest(fleet.pid)
            used = proc.cpu_seconds(fleet.pid)
            with _client(rig) as client:
                # it has the descriptor that is kept for this
                client.settimeout(5.0)
                client.sendall(b'{"cmd": "ping"}\n')
                assert b'"ok":true' in client.recv(4096)
                time.sleep(lasting(2.0))  # what it costs meanwhile
            assert proc.cpu_seconds(fleet.pid) - used < 0.25 * lasting(2.0)
            assert {worker["pid"] for worker in fleet.serving()} == others
        rig.recovered(time.monotonic(), [victim["pid"]])
        rig.producer.end()
        assert others < {worker["pid"] for worker in fleet.serving()}


@scenario(21, "bullmq", "memory")
def test_a_stop_without_a_descriptor(chaos: Chaos) -> None:
    """Scenario 21: the parent that can open nothing any more ends as any other."""
    with chaos(workers=3) as rig:
        rig.receiver.answer(every={"delay_seconds": 1.0})
        jobs = rig.producer.put(30)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        with _limited(rig.fleet.pid, resource.RLIMIT_NOFILE, 3):
            rig.fleet.signal(signal.SIGTERM)
            assert rig.fleet.ended() == 0, rig.fleet.log()
        until(lambda: len(rig.receiver.delivered()) == len(jobs))  # its notes may be a bit late


def _take_the_rest(pid: int) -> None:
    """What is open may be closed and opened again, and nothing more."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = proc.descriptors(pid)
    free = next(number for number in range(1024) if number not in taken)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))


def _client(rig: Rig) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.connect(str(rig.fleet.run_dir / "control.sock"))
    return end
