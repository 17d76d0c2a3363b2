"""The recording receiver's process: ``python receiver_program.py RECORD-FILE``.

Prints its URL, then takes rules from standard input, a JSON object a line: path (``*``: all others)
to the fields of ``Rule``; it ends with its input. Each request is a line of the record file when it
comes, and the number of a request one more when its answer has gone out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, TextIO

import msgspec

from sockq.supervisor.receiver import Received, Receiver
from sockq.supervisor.receiver_rules import Rule, Rules

SECRETS = {"app-key": "app-secret", "key-2": "secret-2", "key-3": "secret-3"}


class _Notes:
    """The record file. A connection has one request at a time."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0
        self._open: dict[int, int] = {}

    def heard(self, received: Received) -> None:
        headers = {name.lower(): value for name, value in received.headers}
        events = msgspec.json.decode(received.body)["events"]
        line = {
            "job": events[0]["channel"],
            "endpoint": received.target.partition("?")[0],
            "delivery_id": headers.get("x-sockq-delivery-id", ""),
            "attempt": int(headers.get("x-sockq-attempt", 0)),
            "status": received.status,
            "at": time.monotonic(),
        }
        if not received.verdict.ok:
            line["refused"] = received.verdict.why
        self._write(line)
        self._open[received.connection] = self._count
        self._count += 1

    def answered(self, received: Received) -> None:
        self._write({"answered": self._open.pop(received.connection)})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")


def _rules(line: str) -> Rules:
    given: dict[str, dict[str, Any]] = json.loads(line)
    rules = {path: Rule(**fields) for path, fields in given.items()}
    return Rules(rules.pop("*", Rule()), rules)


async def serve(path: str) -> None:
    """Body of the process."""
    with open(path, "a", buffering=1, encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - once
        notes = _Notes(file)
        async with Receiver(
            SECRETS, keep=0, heard=notes.heard, answered=notes.answered
        ) as receiver:
            print(receiver.url, flush=True)  # noqa: T201 - the test reads it
            loop = asyncio.get_running_loop()
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                receiver.rules = _rules(line)
                print("ok", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
