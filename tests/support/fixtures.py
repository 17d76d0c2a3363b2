"""The recordings of real servers, found beside the repository or where SOCKQ_FIXTURES says."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(
    os.environ.get("SOCKQ_FIXTURES", Path(__file__).resolve().parents[3] / "shared" / "fixtures")
)


def require() -> None:
    """Skip the caller, a test or a whole file, on a checkout that came without the recordings."""
    if not ROOT.is_dir():
        pytest.skip(f"no recordings at {ROOT}: set SOCKQ_FIXTURES", allow_module_level=True)


def sockudo(version: str) -> list[Path]:
    """All recordings of one Sockudo version, sorted by name."""
    require()
    return sorted((ROOT / "sockudo" / version).glob("*.json"))


def soketi() -> list[Path]:
    """All recordings of soketi, sorted by name."""
    require()
    return sorted((ROOT / "soketi").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    """One recording."""
    require()
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


class Recorded(NamedTuple):
    """One request as it was on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this name."""
        return next(value for key, value in self.headers if key.lower() == name.lower())


def requests_of(content: dict[str, Any]) -> list[Recorded]:
    """The requests that the server's own workers sent."""
    return [
        Recorded(
            request["request_line"].split(" ")[0],
            request["request_line"].split(" ")[1],
            [(name, value) for name, value in request["headers"]],
            b64decode(request["body_b64"]),
        )
        for request in content["http_requests"]
    ]


def jobs_of(content: dict[str, Any]) -> list[bytes]:
    """The jobs in the lists of ``redis_after_enqueue``, in order."""
    return [
        text.encode() if isinstance(text, str) else b64decode(text["b64"])
        for key in content["redis_after_enqueue"].values()
        if key["type"] == "list"
        for text in key["value"]
    ]
