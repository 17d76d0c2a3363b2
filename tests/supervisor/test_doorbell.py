"""Signals become flags; the pipe only rings."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator

import pytest

from sockq.supervisor.doorbell import Doorbell

SIGNALS = (signal.SIGUSR1, signal.SIGWINCH)


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    bell = Doorbell(SIGNALS)
    yield bell
    bell.close()


def rings(bell: Doorbell) -> bool:
    return bool(select.select([bell.fd], [], [], 1.0)[0])


def test_a_signal_wakes_and_is_taken_once(doorbell: Doorbell) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)
    assert rings(doorbell)
    assert doorbell.take() == {signal.SIGUSR1}
    assert doorbell.take() == set()
    assert not select.select([doorbell.fd], [], [], 0)[0]


def test_a_flood_of_one_signal_does_not_lose_another(doorbell: Doorbell) -> None:
    for _ in range(100_000):
        signal.raise_signal(signal.SIGWINCH)
    signal.raise_signal(signal.SIGUSR1)
    assert doorbell.take() == {signal.SIGUSR1, signal.SIGWINCH}


def test_closing_gives_the_handlers_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    bell = Doorbell(SIGNALS)
    assert [signal.getsignal(number) for number in SIGNALS] != before
    bell.close()
    assert [signal.getsignal(number) for number in SIGNALS] == before
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(bell.fd)
