"""Watches one parent from a process of its own, and hands over what was seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_PROGRAM: Final = Path(__file__).with_name("observer_program.py")
_TESTS: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Sample:
    """The parent at one moment.

    Attributes:
        at: Monotonic seconds.
        fds: Open descriptors.
        threads: Threads.
        rss: Bytes.
        stopped: It was stopped by a signal.
        children: Pids.
    """

    at: float
    fds: int
    threads: int
    rss: int
    stopped: bool
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and its answer.

    Attributes:
        at: When it was asked, monotonic seconds.
        seconds: Until the answer.
        starved: Seconds of it in which who answers, or who asks, waited for a processor.
    """

    at: float
    seconds: float
    starved: float

    @property
    def own(self) -> float:
        """What is left when the machine's part is taken away."""
        return max(0.0, self.seconds - self.starved)


@dataclass(slots=True)
class Seen:
    """All that was seen.

    Attributes:
        samples: In order.
        answers: Of ``parent`` and ``control``.
    """

    samples: list[Sample] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=lambda: {"parent": [], "control": []})

    def take(self, told: Mapping[str, Any]) -> None:
        """Take in one line of the record."""
        if "asked" in told:
            answer = Answer(told["at"], told["seconds"], told["starved"])
            self.answers[told["asked"]].append(answer)
        else:
            self.samples.append(Sample(**{**told, "children": tuple(told["children"])}))

    @property
    def complete(self) -> bool:
        """Whether there is something of each kind: the watch has begun."""
        return bool(self.samples and all(self.answers.values()))

    @property
    def machine_seconds(self) -> float:
        """How late the machine made a process that only answers, at worst: nobody's fault."""
        return max((one.seconds for one in self.answers["control"]), default=0.0)

    def worst(self, who: str) -> float:
        """The longest that an answer took by its own doing, seconds."""
        return max((one.own for one in self.answers[who]), default=0.0)


class Observer:
    """Watches from its making until ``stop``.

    Attributes:
        pid: Its own process.
    """

    def __init__(self, pid: int, run_dir: Path, record: Path) -> None:
        self._record = record
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), str(pid), str(run_dir / "control.sock"), str(record)],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_TESTS)},
        )
        self.pid = self._process.pid

    def stop(self) -> Seen:
        """End it; returns all that was seen. Safe to call twice."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        code = self._process.wait(10)
        assert code == 0, f"the observer ended with {code}: it did not see everything"
        return self.so_far()

    def so_far(self) -> Seen:
        """What was seen until now."""
        seen = Seen()
        if self._record.exists():
            for line in self._record.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    seen.take(json.loads(line))
        return seen
