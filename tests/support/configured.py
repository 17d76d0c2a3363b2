"""A configuration from a file that a test makes, away from the surrounding variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sockq.supervisor.settings import Configuration, load

APP = {
    "id": "app-1",
    "key": "key-1",
    "secret": "hush-hush",
    "enabled": True,
    "policy": {"webhooks": [{"url": "http://h/in", "event_types": ["channel_occupied"]}]},
}


def configured(
    tmp_path: Path, content: dict[str, Any] | None = None, environ: dict[str, str] | None = None
) -> Configuration:
    path = None
    if content is not None:
        path = tmp_path / "sockudo.json"
        path.write_text(json.dumps(content))
    return load(path, {"SOCKQ_DIR": "/tmp/sq-test", **(environ or {})}, cores=8)


def apps(*entries: object) -> dict[str, Any]:
    return {"app_manager": {"array": {"apps": list(entries)}}}
