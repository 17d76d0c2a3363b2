"""A program that was started without standard streams: what gets their numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: Says, in a file, what a new descriptor's number is and where the standard streams lead.
_PROGRAM = """
import os, sys
from sockq.supervisor.output import hold_streams, note
hold_streams()
note("heard by nobody")
new = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
told = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
os.write(new, repr((new > 2, told)).encode())
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
def test_no_file_gets_the_number_of_a_missing_stream(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    command = [sys.executable, "-c", _PROGRAM, str(answer)]
    subprocess.run(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *command], check=True, timeout=20)
    assert answer.read_text() == repr((True, ["/dev/null"] * 3))


def test_streams_that_are_there_stay(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "answer")]
    done = subprocess.run(command, check=True, capture_output=True, timeout=20)
    assert done.stderr == b"sockq: heard by nobody\n"
