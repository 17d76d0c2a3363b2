"""The control socket by itself: who may stay, and for how long."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockq.supervisor.control import IDLE_SECONDS, Control

_MOST = 16


class Door:
    """A control socket with a clock of its own, and what a client finds there."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.now = 100.0
        self._path = path
        self._stack = stack
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._control = Control(path, self._selector, lambda _: {"ok": True}, lambda: self.now)
        stack.callback(self._control.close)

    def turn(self) -> None:
        """Passes of the loop until nothing is left to do."""
        while ready := self._selector.select(0):
            for key, mask in ready:
                key.data(mask)
        self._control.look(self.now)

    def client(self) -> socket.socket:
        end = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        end.settimeout(5.0)
        end.connect(str(self._path))
        self.turn()
        return end

    def answers(self, client: socket.socket) -> bool:
        """Whether it does; False: it has hung up."""
        try:
            client.sendall(b"{}\n")
            self.turn()
            return client.recv(100) == b'{"ok":true}\n'
        except (BrokenPipeError, ConnectionResetError):
            return False


@pytest.fixture
def door(socket_dir: Path) -> Iterator[Door]:
    with ExitStack() as stack:
        yield Door(socket_dir / "control.sock", stack)


def test_clients_that_say_nothing_lock_nobody_out_for_good(door: Door) -> None:
    silent = [door.client() for _ in range(_MOST)]
    assert not door.answers(door.client())
    door.now += IDLE_SECONDS
    door.turn()
    assert [end.recv(1) for end in silent] == [b""] * _MOST, "they are told"
    assert door.answers(door.client())


def test_a_client_that_asks_now_and_then_stays(door: Door) -> None:
    client = door.client()
    for _ in range(3):
        door.now += 0.9 * IDLE_SECONDS
        assert door.answers(client)
