"""Webhooks as an endpoint gets them: a body, and the headers that prove where it comes from."""

from __future__ import annotations

import json
import time

from sockq.workers.signing import Signer

SECRETS = {"app-key": "app-secret"}


def body(time_ms: int | None = None) -> bytes:
    now_ms = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    event = {"name": "channel_occupied", "channel": "my-channel"}
    return json.dumps({"time_ms": now_ms, "events": [event]}).encode()


def signed(content: bytes, **changes: str | None) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "X-Pusher-Key": "app-key",
        "X-Pusher-Signature": Signer("app-secret").sign(content).decode(),
    }
    for name, value in changes.items():
        key = name.replace("_", "-")
        headers.pop(key, None)
        if value is not None:
            headers[key] = value
    return headers
