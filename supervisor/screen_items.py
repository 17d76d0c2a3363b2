"""Workers and endpoints of a document, with what their counters did of late. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockq.supervisor.screen_history import RATE_SECONDS, SHARE_SECONDS, History
from sockq.supervisor.screen_latency import percentile
from sockq.supervisor.screen_parts import Rise
from sockq.supervisor.screen_picture import Item, Reading

_PERCENTILES: Final = (("p50_ms", 50.0), ("p95_ms", 95.0), ("p99_ms", 99.0))


def workers_of(reading: Reading, history: History, *, several: bool) -> list[Item]:
    """The workers of a host; ``several`` puts the host's name before theirs."""
    found = []
    for one in reading.document.get("workers") or ():
        name = str(one.get("name"))
        extra: Item = {
            "id": f"{reading.host}/{name}" if several else name,
            "host": reading.host,
            "source": reading.label,
            "old": reading.dim,
        }
        if reading.lost:
            extra["state"] = "lost"
        else:
            recent = history.workers.rise(name, RATE_SECONDS)
            minute = history.workers.rise(name, SHARE_SECONDS)
            extra |= _lately(recent, minute, "delivered", history.sending_bounds)
            if "cpu_percent" not in one and recent is not None and one.get("cpu_seconds"):
                extra["cpu_percent"] = recent.counters["cpu_seconds"] / recent.seconds * 100
        found.append({**one, **extra})
    return found


def endpoints_of(reading: Reading, history: History, *, several: bool) -> list[Item]:
    """The endpoints of a host."""
    found = []
    for one in reading.document.get("endpoints") or ():
        name = str(one.get("id"))
        extra: Item = {
            "host": reading.host if several else "",
            "source": reading.label,
            "old": reading.dim,
        }
        if not reading.lost:
            recent = history.endpoints.rise(name, RATE_SECONDS)
            minute = history.endpoints.rise(name, SHARE_SECONDS)
            extra |= _lately(recent, minute, "ok", history.sending_bounds)
        found.append({**one, **extra})
    return found


def _lately(recent: Rise | None, minute: Rise | None, good: str, bounds: Sequence[float]) -> Item:
    """The rate of the last seconds, errors and percentiles of the last minute."""
    extra: Item = {"ok_rate": None, "error_percent": None}
    if recent is not None:
        extra["ok_rate"] = recent.counters[good] / recent.seconds
    if minute is None:
        return extra
    extra["error_percent"] = minute.error_percent
    if len(minute.buckets) == len(bounds) + 1:
        for name, wanted in _PERCENTILES:
            found = percentile(bounds, minute.buckets, wanted)
            extra[name] = None if found is None else found[0] * 1000
    return extra
