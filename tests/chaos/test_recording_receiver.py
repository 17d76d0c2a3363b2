"""The recording receiver: what came, and whether its sender was told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.chaos.receiver import RecordingReceiver
from support.until import until
from support.webhooks import body, signed


def _send(receiver: RecordingReceiver, path: str) -> socket.socket:
    content = body()
    host, port = receiver.url.removeprefix("http://").split(":")
    lines = [f"POST {path} HTTP/1.1", "Host: h", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in signed(content).items()]
    end = socket.create_connection((host, int(port)), timeout=10.0)
    end.sendall("\r\n".join([*lines, "", ""]).encode() + content)
    return end


@pytest.fixture
def slow(tmp_path: Path) -> RecordingReceiver:
    """Its path /slow answers after a moment, /refuses with 500."""
    receiver = RecordingReceiver(tmp_path)
    receiver.answer(slow={"delay_seconds": 0.2}, refuses={"status": 500})
    return receiver


def test_what_was_taken_is_delivered_once_its_sender_was_told(slow: RecordingReceiver) -> None:
    with slow as receiver, _send(receiver, "/slow") as end:
        until(lambda: receiver.count == 1)
        assert receiver.requests[0].came
        assert not receiver.requests[0].delivered
        assert end.recv(4096).startswith(b"HTTP/1.1 200")
        until(lambda: receiver.delivered() == {"my-channel"})
    assert receiver.requests[0].delivered
    assert receiver.taken == 1


def test_a_sender_that_is_gone_before_its_answer_is_not_told(slow: RecordingReceiver) -> None:
    with slow as receiver:
        with _send(receiver, "/slow"):
            until(lambda: receiver.count == 1)
        with _send(receiver, "/slow") as end:
            assert end.recv(4096).startswith(b"HTTP/1.1 200")
        with _send(receiver, "/refuses") as end:
            assert end.recv(4096).startswith(b"HTTP/1.1 500")
    assert [one.answered for one in receiver.requests] == [False, True, True]
    assert [one.delivered for one in receiver.requests] == [False, True, False]
    assert receiver.taken == 1
