"""One-event jobs as a Sockudo 4.7 server writes them, and that server's configuration."""

from __future__ import annotations

import json
import time

QUEUE = "sockudo_queue::queue:webhooks"


def job(app: str, channel: str) -> bytes:
    """The JSON text of one job for ``app``: one ``channel_occupied``."""
    document = {
        "app_key": f"{app}-key",
        "app_id": app,
        "app_secret": f"{app}-secret",
        "payload": {
            "time_ms": time.time_ns() // 1_000_000,
            "events": [{"channel": channel, "name": "channel_occupied"}],
        },
        "original_signature": f"{app}:{channel}:channel_occupied",
    }
    return json.dumps(document, separators=(",", ":")).encode()


def configuration(redis_url: str, endpoints: dict[str, str]) -> dict[str, object]:
    """A Sockudo file with one app for each endpoint: app id to URL."""
    apps = [
        {
            "id": app,
            "key": f"{app}-key",
            "secret": f"{app}-secret",
            "enabled": True,
            "policy": {"webhooks": [{"url": url, "event_types": ["channel_occupied"]}]},
        }
        for app, url in endpoints.items()
    ]
    return {
        "queue": {"driver": "redis", "redis": {"concurrency": 0, "url_override": redis_url}},
        "app_manager": {"driver": "memory", "array": {"apps": apps}},
    }
