"""The recording receiver, in a process of its own: a busy test never makes it late."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.chaos.history import Request

_PROGRAM = Path(__file__).with_name("receiver_program.py")
END_SECONDS = 10.0


class RecordingReceiver:
    """``with RecordingReceiver(directory) as receiver: … receiver.url … receiver.requests``.

    Attributes:
        url: ``http://127.0.0.1:PORT``.
        requests: All seen so far, once ``read`` was called.
        refused: Requests that an official SDK would not have believed, and why.
        jobs: Those that it took, and whose sender was told so.
        taken: How often it took one.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "requests"
        self._path.touch()
        self._file = self._path.open(encoding="utf-8")
        self._rest = ""
        self.requests: list[Request] = []
        self.refused: list[str] = []
        self.jobs: set[str] = set()
        self.taken = 0
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the receiver does not start"

    def answer(self, **rules: dict[str, Any]) -> None:
        """Answer by these rules from now on: path without its slash to the fields of ``Rule``.

        ``every`` stands for all other paths.
        """
        by_path = {"*" if path == "every" else f"/{path}": rule for path, rule in rules.items()}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(by_path) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ok\n", "the receiver is gone"

    def read(self) -> list[Request]:
        """Take in what came since; returns all requests. After ``stop``: what came until then."""
        if self._file.closed:
            return self.requests
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            self._take(json.loads(line))
        return self.requests

    def _take(self, told: dict[str, Any]) -> None:
        if "answered" not in told:
            if "refused" in told:
                self.refused.append(told.pop("refused"))
            self.requests.append(Request(**told))
            return
        number = told["answered"]
        request = self.requests[number] = replace(self.requests[number], answered=True)
        if request.delivered:
            self.jobs.add(request.job)
            self.taken += 1

    @property
    def count(self) -> int:
        """How many requests came."""
        return len(self.read())

    def delivered(self) -> set[str]:
        """Jobs that it took, and whose sender was told so."""
        self.read()
        return self.jobs

    def stop(self) -> None:
        """End it; what it recorded stays here. Safe to call twice."""
        if self._file.closed:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self.read()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
