"""The processes beside the workers, killed: janitor, HTTP, the live screen. No worker notices."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from support.chaos import proc
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario, starting_with
from support.http_get import get
from support.pty_screen import PtyScreen
from support.until import until

Chaos = Callable[..., Rig]

KILLS = 5


def _helper(rig: Rig, name: str) -> int:
    """Its pid, as soon as it has one."""

    def now() -> int:
        helpers: list[dict[str, Any]] = rig.fleet.status()["helpers"]
        return next((int(one["pid"] or 0) for one in helpers if one["name"] == name), 0)

    return until(now, within=10.0, explain=rig.fleet.log)


def _kill(rig: Rig, pid: int) -> None:
    proc.send(pid, signal.SIGKILL)
    rig.killed += 1


def _replaced(rig: Rig, name: str, pid: int) -> None:
    """Wait until another process is in its place."""
    until(lambda: _helper(rig, name) != pid, within=10.0, explain=rig.fleet.log)


@scenario(30, *starting_with("cluster"))
def test_the_janitor_is_killed_while_it_gives_back(chaos: Chaos) -> None:
    """Scenario 30: a worker dies, and the janitor with the worker's jobs in its hands."""
    with chaos(workers=3, settle_seconds=60.0, recovery_seconds=4.0) as rig:
        rig.receiver.answer(every={"delay_seconds": 0.3})
        rig.producer.begin(rate=60)
        for _ in range(int(lasting(KILLS))):
            victim = rig.worker(busy=True)
            others = {worker["pid"] for worker in rig.fleet.serving()} - {victim["pid"]}
            janitor = _helper(rig, "janitor")
            killed = rig.kill(victim)
            until(lambda: not proc.state(victim["pid"]), within=2.0)  # noqa: B023
            _kill(rig, janitor)
            rig.recovered(killed, [victim["pid"]])
            _replaced(rig, "janitor", janitor)
            assert others <= {worker["pid"] for worker in rig.fleet.serving()}
        rig.producer.end()
        asked = rig.fleet.events("process-ended")
        workers = [end for end in asked if end["name"].startswith("w")]
        until(lambda: _given_back(rig) == len(workers), within=20.0, explain=rig.fleet.log)


def _given_back(rig: Rig) -> int:
    """Dead owners whose jobs were given back; each is told once."""
    owners = [event["owner"] for event in rig.fleet.events("reclaimed")]
    assert len(set(owners)) == len(owners)
    return len(owners)


@scenario(30, "memory", "v1")
def test_http_is_killed(chaos: Chaos) -> None:
    """Scenario 30: it is there again, at its port, and only it is another process."""
    with chaos(workers=2, env={"SOCKQ_HTTP": "127.0.0.1:0"}) as rig:
        rig.producer.begin(rate=40)
        before = rig.fleet.worker_pids()
        for _ in range(3):
            http = _helper(rig, "http")
            _kill(rig, http)
            _replaced(rig, "http", http)
            until(lambda: _is_healthy(rig), within=10.0, explain=rig.fleet.log)
        rig.producer.end()
        assert rig.fleet.worker_pids() == before


def _is_healthy(rig: Rig) -> bool:
    address = rig.fleet.status()["http"]["address"]
    try:
        return bool(address) and get(address, "/healthz").status == 200
    except OSError:  # the address is still that of the dead one
        return False


@scenario(30, "v1", "memory")
def test_a_live_screen_is_resized_killed_and_hung_up(chaos: Chaos) -> None:
    """Scenario 30: the terminal is given back whenever its program has a chance to."""
    with chaos(workers=2) as rig:
        rig.producer.begin(rate=40)
        before = rig.fleet.worker_pids()
        command = rig.fleet.command("status")
        with PtyScreen(command) as seen:
            seen.shows("workers 2/2")
            for size in ((120, 40), (62, 16), (200, 60), (80, 24)) * 5:
                seen.resize(*size)
            seen.until(lambda text: "workers 2/2" in text and "q quit" in text)
            seen.process.send_signal(signal.SIGHUP)
            assert seen.wait() == 128 + signal.SIGHUP
            assert seen.modes() == seen.before
        with PtyScreen(command) as seen:
            seen.shows("workers 2/2")
            seen.process.kill()
            seen.wait()
        lost = PtyScreen(command)
        lost.shows("workers 2/2")
        lost.hang_up()
        assert lost.process.wait(10.0) != 0
        rig.producer.end()
        assert rig.fleet.worker_pids() == before
        assert not rig.fleet.events("process-ended")
