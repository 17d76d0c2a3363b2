"""Stacks of workers that crashed or hung, read by their parent."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from support.until import until

from sockq.supervisor.last_words import LastWords, frames

CRASH = """\
Fatal Python error: Segmentation fault

Stack (most recent call first):
  File "/opt/sockq/workers/plan.py", line 12 in plan
  File "/opt/sockq/workers/dispatcher.py", line 99 in _open

Extension modules: msgspec._core (total: 1)
"""
ASKED = """\
Stack (most recent call first):
  File "hook.py", line ??? in loop
"""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", ()),
        ("noise\n  File", ()),
        (CRASH, ("plan (workers/plan.py:12)", "_open (workers/dispatcher.py:99)")),
        (ASKED, ("loop (hook.py:???)",)),
        (ASKED + CRASH, ("plan (workers/plan.py:12)", "_open (workers/dispatcher.py:99)")),
    ],
)
def test_frames(told: str, expected: tuple[str, ...]) -> None:
    assert frames(told) == expected


def test_a_process_that_holds_the_interpreter_tells_where() -> None:
    """The dump comes from C: no Python runs in a process that is stuck in a call."""
    words = LastWords()
    program = (
        "import faulthandler, re, signal\n"
        f"faulthandler.register(signal.SIGUSR2, file={words.fd}, all_threads=False)\n"
        "def stuck():\n"
        "    print('now', flush=True)\n"
        "    re.match('(a+)+$', 'a' * 64 + 'b')\n"
        "stuck()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, pass_fds=(words.fd,)
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"now\n"

            def told() -> bool:
                process.send_signal(signal.SIGUSR2)
                return any("stuck (<string>:5)" in frame for frame in words.stack())

            until(told, explain=lambda: "; ".join(words.stack()))
            assert process.poll() is None
        finally:
            process.kill()
    words.reset()
    assert words.stack() == ()
