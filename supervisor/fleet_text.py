"""The hosts of a fleet as plain text and as one JSON document. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sockq.supervisor.fleet_view import Host, fleet_state, odd_versions
from sockq.supervisor.status_document import SCHEMA, duration
from sockq.supervisor.status_words import Condition

_HEAD: Final = (
    "HOST", "STATE", "SEEN", "VERSION", "WORKERS", "IN FLIGHT", "DELIVERED", "FAILED", "UP",
)  # fmt: skip
_TOLD_PROBLEMS: Final = 3


def fleet_document(hosts: Sequence[Host], at: float) -> dict[str, Any]:
    """``status --fleet --json``."""
    odd = odd_versions(hosts)
    return {
        "schema": SCHEMA,
        "state": fleet_state(hosts),
        "at": at,
        "hosts": [
            {**one, "version_differs": str(one.get("version") or "?") in odd} for one in hosts
        ],
    }


def render_fleet(hosts: Sequence[Host], at: float) -> str:
    """``status --fleet`` for a pipe: a line for each subject and host, ends with a newline."""
    odd = odd_versions(hosts)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    lines = [f"sockq fleet  {fleet_state(hosts)}  {_hosts(len(hosts))}  {stamp}"]
    lines += (f"problem  {what}" for what in _problems(hosts, odd))
    lines += (
        f"disabled {one['name']}: {one['endpoints_disabled']} of its endpoints"
        for one in hosts
        if one["seen"] != "lost" and one.get("endpoints_disabled")
    )
    queue = _queue(hosts)
    if queue:
        lines.append(queue)
    lines += _table([_HEAD, *(_row(one, odd) for one in hosts)]) if hosts else ()
    return "\n".join(lines) + "\n"


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def _problems(hosts: Sequence[Host], odd: set[str]) -> Iterator[str]:
    if not hosts:
        yield "no host reports: no fleet runs for this queue, or none for the last five minutes"
    for one in sorted(hosts, key=lambda one: -float(one["age_seconds"])):
        if one["seen"] != "now":
            ago = duration(float(one["age_seconds"]))
            yield f"{one['name']}: {one['seen']}, its last heartbeat came {ago} ago"
    if odd:
        yield f"the hosts run different versions: {', '.join(sorted(odd))} beside the usual one (*)"
    for one in hosts:
        if one["seen"] != "lost":
            for problem in (one.get("problems") or ())[:_TOLD_PROBLEMS]:
                yield f"{one['name']}: {problem['kind']}: {problem['text']}"


def _queue(hosts: Sequence[Host]) -> str:
    """All hosts see the same queue: the newest look counts."""
    there = [one for one in hosts if one["seen"] != "lost" and one.get("queue")]
    if not there:
        return ""
    newest = min(there, key=lambda one: float(one["age_seconds"]))
    queue = newest["queue"]
    oldest = queue.get("oldest_seconds")
    parts = [
        f"queue    {newest.get('queue_name') or '-'}",
        *(
            f"{word} {_or_dash(queue.get(name))}"
            for word, name in (("waiting", "ready"), ("active", "leased"))
        ),
        f"oldest {'-' if oldest is None else duration(oldest)}",
        *(f"{name} {_or_dash(queue.get(name))}" for name in ("delayed", "dead")),
    ]
    return "  ".join(parts)


def _row(one: Host, odd: set[str]) -> tuple[str, ...]:
    version = str(one.get("version") or "?")
    counted: Mapping[str, Any] = one.get("totals") or {}
    ago = duration(float(one["age_seconds"]))
    seen = f"{ago} ago" if one["seen"] == "now" else f"{one['seen']} {ago}"
    up = one.get("up_seconds")
    workers = [worker for worker in one.get("workers") or () if isinstance(worker, Mapping)]
    return (
        str(one["name"]),
        "LOST" if one["seen"] == "lost" else str(one.get("state") or Condition.UNKNOWN),
        seen,
        f"{version}{'*' if version in odd else ''}",
        f"{_or_dash(one.get('workers_serving'))}/{_or_dash(one.get('workers_wanted'))}",
        str(sum(worker.get("in_flight") or 0 for worker in workers)),
        _or_dash(counted.get("delivered")),
        _or_dash(counted.get("failed")),
        "-" if up is None else duration(float(up)),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
