"""Asking a process where it is must not hurt it, however many threads it has."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.until import until

from sockq.supervisor.last_words import LastWords
from sockq.supervisor.stacks import STACK_SIGNAL, ask_main_thread

pytestmark = pytest.mark.skipif(STACK_SIGNAL is None, reason="no signal to spare")

#: Two threads whose stacks grow and shrink: what they need is got from the system and given back.
DEEP = """
import sys, threading, time
from sockq.supervisor.stacks import answer_with_stacks

def deep(left):
    return deep(left - 1) if left else 0

def dig():
    while True:
        deep(300)

def watch():
    print("now", flush=True)
    while True:
        time.sleep(0.005)

answer_with_stacks(int(sys.argv[1]))
for _ in range(2):
    threading.Thread(target=dig, daemon=True).start()
watch()
"""
ASKED = 400


@contextmanager
def deep(words: LastWords) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", DEEP, str(words.fd)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(words.fd,),
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"now\n"
            yield process
        finally:
            process.kill()


def test_a_process_with_busy_threads_outlives_being_asked_again_and_again() -> None:
    assert STACK_SIGNAL is not None
    words = LastWords()
    with deep(words) as process:
        for _ in range(ASKED):
            words.reset()
            ask_main_thread(process.pid, STACK_SIGNAL)
            time.sleep(0.001)  # the pace; it need not answer each time
        assert process.poll() is None
        words.reset()
        ask_main_thread(process.pid, STACK_SIGNAL)
        until(words.stack)
        assert any("watch" in frame for frame in words.stack()), "the main thread, whoever runs"
        assert process.poll() is None


def test_the_stacks_of_all_threads_go_to_stderr() -> None:
    words = LastWords()
    with deep(words) as process:
        ask_main_thread(process.pid, signal.SIGUSR2)
        assert process.stderr is not None
        told = b""
        while told.count(b"in dig") < 2:
            line = process.stderr.readline()
            assert line, told
            told += line
        assert b"in watch" in told
        assert process.poll() is None
    assert words.stack() == ()


def test_who_has_ended_is_not_asked() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    ask_main_thread(process.pid, signal.SIGUSR2)
