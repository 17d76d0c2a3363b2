"""``sockq receiver``: a receiver in the foreground that prints a line for every request."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from sockq.supervisor.output import note
from sockq.supervisor.receiver import Received, Receiver
from sockq.supervisor.receiver_rules import Rules
from sockq.workers import exits

_SHOWN_NAMES: Final = 3


def serve(secrets: Mapping[str, str], rules: Rules, host: str, port: int, *, as_json: bool) -> int:
    """Receive until interrupted.

    Args:
        secrets: Secret of each key; empty: signatures are not checked.
        rules: How to answer.
        host: Address to listen at.
        port: 0 chooses a free one.
        as_json: Whole requests as JSON lines, the first line says where it listens.

    Returns:
        Exit code.
    """
    try:
        return asyncio.run(_serve(secrets, rules, host, port, as_json=as_json))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        note(f"cannot listen at {host}:{port}: {reason}; choose another --port or --host")
        return exits.USAGE


async def _serve(
    secrets: Mapping[str, str], rules: Rules, host: str, port: int, *, as_json: bool
) -> int:
    stopped = asyncio.Event()
    writer = _Writer(json_line if as_json else text_line, stopped)
    receiver = Receiver(secrets, rules, host=host, port=port, heard=writer.heard, keep=0)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with receiver:
        if as_json:
            writer.write(msgspec.json.encode({"listening": receiver.url}))
        else:
            how = f"{len(secrets)} keys" if secrets else "signatures are not checked: no --secret"
            note(f"listening at {receiver.url} ({how}); Ctrl-C stops")
        await stopped.wait()
    writer.flush()
    return exits.OK


class _Writer:
    """Writes lines in bulk, once a turn of the loop, so that a reader sees them at once.

    Args:
        line: Makes the line of a request.
        stopped: Set when nobody reads any more.
    """

    def __init__(self, line: Callable[[Received], bytes], stopped: asyncio.Event) -> None:
        self._line = line
        self._lines: list[bytes] = []
        self._stopped = stopped

    def heard(self, received: Received) -> None:
        self.write(self._line(received))

    def write(self, line: bytes) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(line + b"\n")

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self._stopped.set()


def text_line(received: Received) -> bytes:
    """``12:00:01 client_event private-chat signature ok 200``."""
    clock = time.strftime("%H:%M:%S", time.localtime(received.at_ms / 1000))
    verdict = received.verdict
    names = ",".join(_plain(name) for name in verdict.names[:_SHOWN_NAMES]) or "-"
    if len(verdict.names) > _SHOWN_NAMES:
        names += f" +{len(verdict.names) - _SHOWN_NAMES}"
    answered = str(received.status) if received.status else "no answer"
    shown = (clock, names, _plain(verdict.channel) or "-", verdict.why, answered)
    return "  ".join(shown).encode()


def json_line(received: Received) -> bytes:
    """Everything, headers in order and case; a body that is not UTF-8 as base64."""
    try:
        body = {"body": received.body.decode()}
    except UnicodeDecodeError:
        body = {"body_b64": base64.b64encode(received.body).decode()}
    return msgspec.json.encode(
        {
            "at_ms": received.at_ms,
            "connection": received.connection,
            "method": received.method,
            "target": received.target,
            "headers": received.headers,
            **body,
            "events": received.verdict.names,
            "channel": received.verdict.channel,
            "ok": received.verdict.ok,
            "why": received.verdict.why,
            "status": received.status,
        }
    )


def _plain(text: str) -> str:
    """Text from outside, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)[:80]
