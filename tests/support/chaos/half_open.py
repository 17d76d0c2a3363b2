"""A network path that can be cut without a word: no reset, no refusal, only silence.

A relay listens in a network namespace of its own, behind a pair of virtual interfaces, and leads to
a server on the loopback. ``cut`` takes the far interface down; the near side goes on sending.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

_RELAY: Final = Path(__file__).with_name("relay_program.py")
_MAC: Final = "02:73:6f:63:6b:71"
#: Reserved for trials of networks (RFC 2544): no real one is in the way.
_NETWORK: Final = "198.18"
_COUNT: Final = itertools.count()


@cache
def why_not() -> str:
    """Why there can be none here, found by making one; empty: there can be one."""
    if not shutil.which("ip"):
        return "a network namespace takes ip (iproute2)"
    try:
        with _laid():
            return ""
    except subprocess.CalledProcessError as error:
        return f"no network namespace: {error.stderr.decode().strip()}"


class HalfOpenPath:
    """The path.

    Attributes:
        host: Address of the near end's peer: connect there.
        port: As the server's.
    """

    def __init__(self, namespace: str, interface: str, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._namespace = namespace
        self._interface = interface

    def cut(self) -> None:
        """Lose everything from now on, without a word."""
        _ip("-n", self._namespace, "link", "set", self._interface, "down")

    def mend(self) -> None:
        """Lose nothing any more."""
        _ip("-n", self._namespace, "link", "set", self._interface, "up")


@contextmanager
def half_open_path(port: int) -> Iterator[HalfOpenPath]:
    """A path to a server at the loopback's ``port``; gone after the block.

    Raises:
        CalledProcessError: the system does not let us; see ``why_not``.
    """
    with _laid() as (namespace, interface, host), _relay(namespace, host, port):
        yield HalfOpenPath(namespace, interface, host, port)


@contextmanager
def _laid() -> Iterator[tuple[str, str, str]]:
    """A namespace, the interface in it, and its address."""
    number = next(_COUNT)
    name = f"sq{os.getpid()}n{number}"
    near, far = f"{name}a"[-15:], f"{name}b"[-15:]
    third, fourth = os.getpid() % 256, 4 * (number % 64)
    here, there = (f"{_NETWORK}.{third}.{fourth + place}" for place in (1, 2))
    _ip("netns", "add", name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "address", _MAC)
        _ip("link", "set", far, "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        # known for good: else a cut path would be told as "no route to host" after a while
        _ip("neigh", "replace", there, "lladdr", _MAC, "dev", near, "nud", "permanent")
        yield name, far, there
    finally:
        _ip("netns", "del", name)  # with it the interfaces


@contextmanager
def _relay(namespace: str, host: str, port: int) -> Iterator[None]:
    command = [sys.executable, str(_RELAY), f"/run/netns/{namespace}", host, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "the relay does not start"
        try:
            yield
        finally:
            process.kill()


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True, timeout=10)
