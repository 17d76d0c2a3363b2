"""A whole fleet with stub children, as a program: ``python stub_fleet.py DIRECTORY OPTIONS-JSON``.

Options are FleetSettings' numbers, and ``behaviour``: what each worker does, by slot number as
text, ``*`` for the others. The stub janitor appends each reclaimed owner to ``reclaimed``.
A file ``behaviour`` in the directory overrides the option while the fleet runs.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sockq.drivers.settings import NoneSettings
from sockq.supervisor.board_words import JANITOR_BEAT_NS
from sockq.supervisor.brake import Brake
from sockq.supervisor.channels import Channels
from sockq.supervisor.endings import Endings
from sockq.supervisor.fleet import FleetSettings, JanitorContext, Reread
from sockq.supervisor.http_settings import HttpSettings
from sockq.supervisor.parent import run_fleet
from sockq.supervisor.patrol import Patrol
from sockq.supervisor.process import Process
from sockq.supervisor.reaping import Reaping
from sockq.supervisor.recycle_rules import RecycleSettings
from sockq.supervisor.restart import RestartSettings
from sockq.workers import exits
from sockq.workers.apps import Webhook
from sockq.workers.board import (
    FETCH_OK_NS,
    IN_FLIGHT,
    IN_FLIGHT_LIMIT,
    JOBS_DELIVERED,
    OLDEST_DEADLINE_NS,
    SETTLED,
    SUSPECTS,
    USS_BYTES,
    WorkerState,
)
from sockq.workers.channel_words import DRAIN, PAUSE, READY, RECYCLE, RESUME
from sockq.workers.deadman import DeadMan
from sockq.workers.endpoint import make_endpoint
from sockq.workers.meter import Meter
from sockq.workers.process import WorkerContext

DIRECTORY = Path(sys.argv[1])
OPTIONS = json.loads(sys.argv[2])


def _behaviour(index: int) -> str:
    chosen = OPTIONS.get("behaviour", {})
    override = DIRECTORY / "behaviour"
    if override.exists():
        chosen = json.loads(override.read_text())
    return str(chosen.get(str(index), chosen.get("*", "")))


def worker(context: WorkerContext) -> int:
    """Serve until told to stop, unless the behaviour says otherwise."""
    does = _behaviour(context.index)
    if does.isdigit():
        return int(does)
    if does == "raise":
        raise RuntimeError("stub fault")
    if does == "hang-boot":
        time.sleep(60)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    slot = context.slot
    slot.set_state(WorkerState.READY)
    slot.words[FETCH_OK_NS] = time.monotonic_ns()
    slot.words[IN_FLIGHT_LIMIT] = 1
    slot.words[SETTLED] += 1
    context.channel.send(READY)
    if does == "hang":
        time.sleep(60)
    if does in _ILLS:
        _ILLS[does]()
    if does == "crash":
        return 3
    if does == "count":
        _count_one_delivery(context)
        os.kill(os.getpid(), signal.SIGKILL)
    return _serve(context, does, stopped)


def _serve(context: WorkerContext, does: str, stopped: list[int]) -> int:
    slot = context.slot
    context.channel.settimeout(None)
    born = time.monotonic()
    while does == "stubborn" or not stopped:
        slot.beat()
        if does in ("overdue", "alone"):
            slot.words[IN_FLIGHT] = 1
            slot.words[OLDEST_DEADLINE_NS] = int((born + 0.1) * 1e9)
            slot.words[SUSPECTS] = does == "alone"
        if does == "leak":
            slot.words[USS_BYTES] = int((1 + 10 * (time.monotonic() - born)) * 2**20)
        if does != "starve":
            slot.words[FETCH_OK_NS] = time.monotonic_ns()
        if select.select([context.channel], [], [], 0.05)[0]:
            _obey(context.channel.recv(64), context, stopped)
    for _ in range(16 if does == "slow" else 0):
        slot.beat()
        time.sleep(0.05)
    return exits.RECYCLE if exits.RECYCLE in stopped else exits.OK


def _compute() -> None:
    """Silent for longer than the limit, not for twice as long, and at work all the time."""
    until = time.monotonic() + 1.75 * float(OPTIONS["hang_seconds"])
    while time.monotonic() < until:
        pass


def _block() -> None:
    """Hang in the kernel (state D) until somebody opens the pipe to write."""
    pipe = str(DIRECTORY / "pipe")
    if not os.path.exists(pipe):  # noqa: PTH110 - a pipe is no file to pathlib's tests
        os.mkfifo(pipe)
    opens = [(os.POSIX_SPAWN_OPEN, 0, pipe, os.O_RDONLY, 0)]
    # a parent waits, uninterruptible, for its child's exec, and this one's stops at the pipe
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}, file_actions=opens), 0)


def _wedge() -> None:
    """Hold the GIL for ever, under a dead-man alarm."""
    DeadMan().beat(0.2)
    while True:
        ctypes.PyDLL(None).sleep(60)


_ILLS = {"compute": _compute, "block": _block, "wedge": _wedge}


def _count_one_delivery(context: WorkerContext) -> None:
    hook = Webhook("t", make_endpoint("http://hooks.example/", {}), frozenset(), lane="app x")
    meter = Meter(context.slot)
    meter.delivered(hook, "app", 0.01, time.time_ns() // 1_000_000 - 30)
    meter.publish()
    meter.show_endpoints({}, 0.0)
    context.slot.words[JOBS_DELIVERED] += 1


def _obey(said: bytes, context: WorkerContext, stopped: list[int]) -> None:
    if not said or DRAIN in said:
        stopped.append(0)
        time.sleep(0 if said else 0.02)
    if RECYCLE in said:
        stopped.append(exits.RECYCLE)
    if PAUSE in said:
        context.slot.set_state(WorkerState.PAUSED)
    if RESUME in said:
        context.slot.set_state(WorkerState.READY)


def janitor(context: JanitorContext) -> int:
    """Write down what is to be reclaimed, and answer."""
    if "janitor" in OPTIONS:
        return int(OPTIONS["janitor"])
    context.channel.settimeout(None)
    context.channel.sendall(b'{"ready": true}\n')
    rest = b""
    while True:
        context.board.queue[JANITOR_BEAT_NS] = time.monotonic_ns()
        ready, _, _ = select.select([context.channel], [], [], 0.2)
        if not ready:
            continue
        said = context.channel.recv(65536)
        if not said:
            return 0
        if (DIRECTORY / "janitor-is-deaf").exists():
            continue
        *lines, rest = (rest + said).split(b"\n")
        for line in lines:
            owner = json.loads(line)["reclaim"]
            with (DIRECTORY / "reclaimed").open("a") as file:
                file.write(f"{owner}\n")
            context.channel.sendall(json.dumps({"reclaimed": owner, "jobs": 1}).encode() + b"\n")


def _fork(fork: Callable[[], int] = os.fork) -> int:  # noqa: TID251 - stands before the real one
    """As on a machine without room for another process, while the file ``no-forks`` is there."""
    if (DIRECTORY / "no-forks").exists():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()


def _signal(process: Process, number: int, send: Any = Process.signal) -> None:
    """As to a process that hangs in the kernel while the file ``immune`` is there."""
    if number != signal.SIGKILL or not (DIRECTORY / "immune").exists():
        send(process, number)


def _sicken(owner: type, name: str) -> None:
    """Have a method of the parent raise while the file ``parent-is-ill`` names it."""
    well = getattr(owner, name)

    def perhaps(*args: Any, **kwargs: Any) -> Any:
        illness = DIRECTORY / "parent-is-ill"
        if illness.exists() and illness.read_text() == well.__qualname__:
            raise RuntimeError(f"stub illness in {well.__qualname__}")
        return well(*args, **kwargs)

    setattr(owner, name, perhaps)


def main() -> int:
    for owner, name in (
        (Channels, "hear"),
        (Endings, "judge"),
        (Patrol, "forget"),
        (Brake, "ended"),
        (Reaping, "take_in"),
    ):
        _sicken(owner, name)
    setattr(Process, "signal", _signal)  # noqa: B010 - mypy minds the plain way
    os.fork = _fork  # noqa: TID251 - the same
    rules = {
        key: OPTIONS[key]
        for key in (
            "cap_seconds",
            "proof_seconds",
            "first_seconds",
            "flat_seconds",
            "killed_seconds",
        )
        if key in OPTIONS
    }
    numbers = {
        key: OPTIONS[key]
        for key in (
            "drain_seconds",
            "boot_seconds",
            "hang_seconds",
            "stopped_seconds",
            "give_up_seconds",
            "soak_seconds",
            "stale_polls",
            "kill_with_parent",
        )
        if key in OPTIONS
    }
    settings = FleetSettings(
        directory=DIRECTORY,
        workers=OPTIONS.get("workers", 2),
        driver=NoneSettings(),
        restart=RestartSettings(**rules),
        recycle=RecycleSettings(**OPTIONS.get("recycle", {})),
        version="1.2.3",
        facts={"queue": "webhooks"},
        worker_main=worker,
        janitor_main=janitor,
        http=HttpSettings(port=0) if OPTIONS.get("http") else None,
        preload=lambda _settings: None,
        **numbers,
    )
    if "later" in OPTIONS:
        changes = dict(OPTIONS["later"])
        recycle = RecycleSettings(**changes.pop("recycle", {}))
        later = replace(settings, recycle=recycle, **changes)
        settings = replace(settings, reread=lambda: Reread(later))
    return run_fleet(settings)


if __name__ == "__main__":
    code = main()
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    sys.exit(code)
