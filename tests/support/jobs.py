"""Sockudo 4.x jobs and configuration files for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import redis

KEY = "sockudo_queue::queue:webhooks"
SECRETS = {"app-key": "app-secret", "key-2": "secret-2"}
EVENTS = ["channel_occupied", "channel_vacated", "client_event", "member_added"]


def job(
    channel: str,
    *,
    app: int = 1,
    name: str = "channel_occupied",
    time_ms: int | None = None,
    extra: str = "",
) -> bytes:
    """One job of one event, byte for byte as a 4.x server writes it."""
    app_id, key, secret = identity(app)
    stamp = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    text = (
        f'{{"app_key":"{key}","app_id":"{app_id}","app_secret":"{secret}",'
        f'"payload":{{"time_ms":{stamp},"events":[{{"name":"{name}","channel":"{channel}"{extra}}}]}},'
        f'"original_signature":"{app_id}:{channel}:{name}"}}'
    )
    return text.encode()


def feed(client: redis.Redis, count: int, pause_seconds: float) -> None:
    """Push jobs of the channels c0, c1 …, a hundred at a time, at a producer's pace."""
    for start in range(0, count, 100):
        client.rpush(KEY, *[job(f"c{n}") for n in range(start, start + 100)])
        time.sleep(pause_seconds)


def identity(app: int) -> tuple[str, str, str]:
    """Id, key and secret of test app number ``app``."""
    return (
        ("app-id", "app-key", "app-secret")
        if app == 1
        else (f"app-{app}", f"key-{app}", f"secret-{app}")
    )


def app(number: int, *urls: str, events: Sequence[str] = EVENTS) -> dict[str, object]:
    """An app with one webhook for each URL."""
    app_id, key, secret = identity(number)
    webhooks = [{"url": url, "event_types": list(events)} for url in urls]
    return {
        "id": app_id,
        "key": key,
        "secret": secret,
        "enabled": True,
        "policy": {"webhooks": webhooks},
    }


def redis_config(url: str, *apps: dict[str, object], **own: object) -> dict[str, object]:
    """A Sockudo configuration file for a queue in Redis, with ``[sockq]`` settings."""
    return {
        "queue": {"driver": "redis", "redis": {"url_override": url}},
        "app_manager": {"driver": "memory", "array": {"apps": list(apps)}},
        "sockq": own,
    }


def as_text(config: dict[str, object]) -> str:
    """The file's text."""
    return json.dumps(config)
