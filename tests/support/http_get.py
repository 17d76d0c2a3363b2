"""GET a page of a fleet, over TCP or its Unix socket, and read its metrics."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("fleet", timeout=5.0)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5.0)
        self.sock.connect(str(self._path))


def get(where: str | Path, path: str, method: str = "GET") -> Answer:
    """``where``: ``HOST:PORT``, or the path of a Unix socket."""
    connection: http.client.HTTPConnection
    if isinstance(where, Path):
        connection = _Unix(where)
    else:
        connection = http.client.HTTPConnection(where, timeout=5.0)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read())
    finally:
        connection.close()


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Every sample of a page by name and labels; fails when one stands there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    """One sample's value."""
    return found[name, tuple(sorted(labels.items()))]


def counters(text: str) -> Samples:
    """All that must never go back: counters, and the parts of histograms."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        if family.type in ("counter", "histogram"):
            for sample in family.samples:
                found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found
