"""What a service manager hears: over a real socket, from a real fleet."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chaos import proc
from support.fleet_fixtures import Start
from support.until import until

from sockq.supervisor.board_words import FleetState
from sockq.supervisor.sd_notify import Notifier
from sockq.supervisor.service import Facts, Service, overdue
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import SlotLimits, SlotState

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux's sockets")

RUNNING = Facts(FleetState.RUNNING, announced=True, reloading=False, serving=2, target=2)


class Manager:
    """The other end of ``NOTIFY_SOCKET``."""

    def __init__(self, name: str) -> None:
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.end.bind(name)
        self.end.settimeout(0)
        self.heard: list[str] = []

    def words(self) -> list[str]:
        """All that was said so far."""
        while True:
            try:
                self.heard += self.end.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard

    def hears(self, word: str, times: int = 1) -> bool:
        return self.words().count(word) >= times


@pytest.fixture
def manager(socket_dir: Path) -> Iterator[Manager]:
    path = str(socket_dir / "notify")
    one = Manager(path)
    yield one
    one.end.close()


def test_a_fleet_tells_what_it_does(
    start: Start, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.end.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    run = start(workers=2, soak_seconds=0.1)
    until(lambda: manager.hears("READY=1"), 10.0, lambda: run.stderr)
    assert run.events("fleet-ready")
    run.until_serving(2)
    until(lambda: manager.hears("STATUS=running, 2 of 2 workers ready"))
    began = time.monotonic()
    before = manager.words().count("WATCHDOG=1")
    until(lambda: manager.hears("WATCHDOG=1", before + 5), 5.0)
    assert time.monotonic() - began > 4 * 0.2, "twice an interval, and no more"
    run.signal(signal.SIGHUP)
    until(lambda: manager.hears("RELOADING=1"))
    assert any(word.startswith("MONOTONIC_USEC=") for word in manager.words())
    until(lambda: manager.hears("READY=1", 2), 15.0)
    for name in ("w00", "janitor"):
        links = [str(path.readlink()) for path in Path(f"/proc/{run.pid(name)}/fd").iterdir()]
        assert len([one for one in links if one.startswith("socket:")]) == 1
    run.signal(signal.SIGTERM)
    assert run.wait() == 0
    assert "STOPPING=1" in manager.words()
    assert manager.words()[-1] == "STATUS=stopped"


def test_a_stopped_parent_feeds_no_watchdog(
    start: Start, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.end.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    run = start(workers=1)
    until(lambda: manager.hears("WATCHDOG=1"), 10.0)
    run.signal(signal.SIGSTOP)
    until(lambda: proc.state(run.process.pid) == "T")  # it says no more
    before = manager.words().count("WATCHDOG=1")
    time.sleep(0.8)  # two intervals
    assert manager.words().count("WATCHDOG=1") == before
    run.signal(signal.SIGCONT)


def test_an_abstract_name_is_understood() -> None:
    name = f"sockq-test-{os.getpid()}"
    manager = Manager("\0" + name)
    environ = {"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    notifier = Notifier(environ)
    assert notifier.on
    assert "NOTIFY_SOCKET" not in environ
    assert notifier.watchdog_seconds is None, "somebody else's watchdog"
    notifier.say("READY=1", "STATUS=up")
    assert manager.words() == ["READY=1", "STATUS=up"]
    notifier.close()
    manager.end.close()


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all"])
def test_without_a_manager_nothing_is_said(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address} if address else {})
    notifier.say("READY=1")
    assert not notifier.on


def test_a_full_socket_is_not_waited_for(manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.end.getsockname()})
    for number in range(2000):
        notifier.say(f"STATUS={number}")
    manager.words()
    notifier.flush()
    assert manager.words()[-1] == "STATUS=1999", "the newest is not lost"
    notifier.close()


def test_the_watchdog_is_not_fed_while_a_slot_is_overdue(manager: Manager) -> None:
    environ = {"NOTIFY_SOCKET": manager.end.getsockname(), "WATCHDOG_USEC": "2000000"}
    notifier = Notifier(environ)
    service = Service(notifier)
    slot = Slot(SlotLimits(boot_seconds=60))
    slot.want(100)
    slot.forking(100)
    slot.forked(100)
    service.look(164, RUNNING, [slot])
    assert "WATCHDOG=1" in manager.words()
    manager.heard.clear()
    service.look(166, RUNNING, [slot])
    assert manager.words() == []
    assert overdue(slot, 166)
    slot.due(166)
    service.look(167, RUNNING, [slot])
    assert manager.words() == ["WATCHDOG=1"]
    notifier.close()


@pytest.mark.parametrize("state", [SlotState.BACKOFF, SlotState.READY, SlotState.HELD])
def test_states_in_which_a_slot_may_stay_are_never_overdue(state: SlotState) -> None:
    slot = Slot(SlotLimits())
    slot.state, slot.deadline = state, 1.0
    assert not overdue(slot, 1000)
