"""Status documents of made-up fleets, one after the other: what a live screen would have read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

#: Seconds of the fleet's clock from one document to the next, and how many there are.
STEP = 2.0
COUNT = 70
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]
_AT = 1_787_400_271.0
_UP = 273_600.0
_SHAPE = [1, 2, 10, 30, 20, 12, 10, 6, 3, 2, 2, 1, 1, 0, 0]


def healthy(tick: int) -> Json:
    """Six workers at work, three endpoints, nothing wrong."""
    return fleet(tick, workers=6, endpoints=3)


def degraded(tick: int) -> Json:
    """A stale worker, one that drains, an open breaker."""
    document = fleet(tick, workers=6, endpoints=14, errors=0.02)
    document["state"] = "DEGRADED"
    document["problems"] = [
        {"kind": "stale-queue", "text": "the oldest job has waited for 75s"},
        {"kind": "stale-worker", "text": "w04 has not moved for 14s"},
    ]
    document["queue"] |= {"oldest_seconds": 75.0, "ready": 1284, "delayed": 37, "dead": 9}
    document["workers"][3] |= {"state": "draining", "in_flight": 3, "restarts": 1}
    document["workers"][4] |= {"state": "stale", "beat_seconds": 14.2}
    document["workers_serving"] = 4
    document["endpoints"][0] |= {"state": "open", "shut_seconds": 41.0, "last_failure": "timeout"}
    document["endpoints"][1] |= {"state": "paused", "shut_seconds": 9.0, "waiting": 8,
                                 "last_failure": "status 429"}  # fmt: skip
    document["endpoints"][2] |= {"state": "half-open", "last_failure": "status 503"}
    document["events"] += [
        "1787400267000 warning breaker open app0 hooks0.example.com/push (5 timeouts in a row)",
        "1787400269000 warning w04 no heartbeat for 14s",
    ]
    return document


def crash_loop(tick: int) -> Json:
    """Every worker ends soon after its start."""
    document = fleet(tick, workers=6, endpoints=3)
    document["state"] = "DEGRADED"
    text = "workers keep ending: w05 crash (exit 70) after 0.3s; next try in 58s"
    document["problems"] = [{"kind": "crash-loop", "text": text}] + [
        {"kind": "worker-down", "text": f"w{index:02d} crash (exit 70); starts in 58.0s"}
        for index in range(1, 6)
    ]
    for index, worker in enumerate(document["workers"]):
        if index:
            worker |= {
                "state": "held", "pid": None, "beat_seconds": None, "restarts": 6,
                "in_flight": 0, "last_cause": "crash", "last_exit": "exit 70",
                "last_end_seconds": 2.0 + index, "next_start_seconds": 58.0,
                "note": "ValueError: no [red]such[/red] thing \x1b[31m",
            }  # fmt: skip
    document["workers_serving"] = 1
    document["totals"]["restarts"] = 30
    document["events"] += [
        f"178740027{index}000 error w{index:02d} crash (exit 70) after 0.3s, 6th in 58s"
        for index in range(1, 6)
    ]
    return document


def backend_down(tick: int) -> Json:
    """Redis does not answer."""
    document = fleet(tick, workers=4, endpoints=3)
    document["state"] = "DEGRADED"
    document["problems"] = [
        {"kind": "backend-down", "text": "the backend has not answered for 12s"},
        *(
            {"kind": "worker-backend", "text": f"w{index:02d} lost the backend 12s ago"}
            for index in range(4)
        ),
    ]
    document["backend"] = {"up": False, "down_seconds": 12.0}
    for worker in document["workers"]:
        worker |= {"state": "degraded", "backend_down_seconds": 12.0, "in_flight": 0,
                   "note": "Connection refused"}  # fmt: skip
    return document


def paused(tick: int) -> Json:
    """Somebody has paused the fleet."""
    document = fleet(tick, workers=2, endpoints=3, speed=0.0)
    document["state"] = "PAUSED"
    for worker in document["workers"]:
        worker |= {"state": "paused", "in_flight": 0}
    return document


def disabled(tick: int) -> Json:
    """All is well, but nothing is sent to two endpoints; one of them was never met."""
    document = fleet(tick, workers=2, endpoints=6)
    by = {"disabled_at": _AT - 7_500.0, "disabled_by": "ops, pid 77", "in_flight": 0, "limit": 0}
    document["endpoints"][4] |= {"state": "disabled", "parked": 812, **by}
    new = _endpoint(6, 0) | {"state": "disabled", **by}
    document["endpoints"].append(new | {"last_success_at": None, "buckets": [0] * len(_SHAPE)})
    document["endpoints_disabled"] = 2
    document["events"] += [
        (
            "1787400261000 warning endpoint disabled: app4 https://hooks4.example.com/push"
            " (ops, pid 77)"
        )
    ]
    return document


def workers_64(tick: int) -> Json:
    """Many workers, one of them in trouble."""
    document = fleet(tick, workers=64, endpoints=3)
    document["workers"][41] |= {
        "state": "backoff", "pid": None, "next_start_seconds": 3.2, "restarts": 2,
        "last_cause": "killed", "last_exit": "SIGKILL", "last_end_seconds": 0.4,
    }  # fmt: skip
    return document


def endpoints_500(tick: int) -> Json:
    """Many endpoints, three of them not closed, one with a name from elsewhere."""
    document = fleet(tick, workers=4, endpoints=500)
    document["endpoints"][200] |= {"state": "open", "shut_seconds": 30.0, "last_failure": "dns"}
    document["endpoints"][300] |= {"state": "half-open", "last_failure": "status 500"}
    document["endpoints"][400] |= {"state": "paused", "shut_seconds": 4.0,
                                   "label": "https://例え.テスト/フック/長い名前"}  # fmt: skip
    return document


def empty(_tick: int) -> Json:
    """Nothing runs."""
    return {
        "schema": 1, "state": "DOWN", "directory": "/run/sockq", "at": _AT,
        "problems": [{"kind": "down", "text": "no fleet runs in /run/sockq"}],
        "workers": [], "queue": None,
    }  # fmt: skip


SCENES: dict[str, Callable[[int], Json]] = {
    "healthy": healthy,
    "degraded": degraded,
    "crash-loop": crash_loop,
    "backend-down": backend_down,
    "paused": paused,
    "disabled": disabled,
    "workers-64": workers_64,
    "endpoints-500": endpoints_500,
    "empty": empty,
}


def fleet(
    tick: int, *, workers: int, endpoints: int, speed: float = 20.0, errors: float = 0.0
) -> Json:
    """A fleet at a tick; ``speed`` is deliveries a second of each worker."""
    done = _done(tick, speed)
    failed = int(done * errors)
    each = [_worker(index, done, failed) for index in range(workers)]
    total = done * workers
    return {
        "schema": 1, "state": "RUNNING", "version": "1.0.0", "host": "edge-7",
        "directory": "/run/sockq", "driver": "redis", "queue_name": "webhooks", "facts": {},
        "at": _AT - (COUNT - 1 - tick) * STEP, "pid": 4100, "phase": "running",
        "up_seconds": _UP + tick * STEP, "parent_beat_seconds": 0.2,
        "workers_wanted": workers, "workers_serving": workers, "problems": [],
        "queue": {
            "ready": 12 + 3 * (tick % 7), "leased": 12 * workers, "delayed": 3, "dead": 0,
            "oldest_seconds": 0.4, "evicted": 0, "sampled_seconds": 0.5,
            "sources": [{"name": "webhooks", "ready": 12 + 3 * (tick % 7), "leased": 12 * workers,
                         "delayed": 3, "dead": 0, "oldest_seconds": 0.4, "evicted": 0}],
        },
        "backend": {"up": True, "down_seconds": None},
        "totals": {
            "claimed": total, "delivered": total, "failed": failed * workers, "retried": failed,
            "dead": 0, "released": 0, "attempts": total + failed * workers, "reclaimed": 0,
            "expired": 0, "restarts": 0,
        },
        "outcomes": {"2xx": total, "503": failed * workers, "timeout": 0},
        "latency": {
            name: {"bounds_seconds": BOUNDS, "buckets": _buckets(total)}
            for name in ("sending", "queue_wait", "end_to_end")
        },
        "endpoints": [_endpoint(index, total // max(1, endpoints)) for index in range(endpoints)],
        "endpoints_disabled": 0,
        "drain_left_seconds": None, "workers": each, "helpers": [],
        "events": ["1787400000000 info fleet-ready workers 6"],
    }  # fmt: skip


def _done(tick: int, speed: float) -> int:
    wave = sum(1 + 0.5 * math.sin(one / 6) for one in range(tick))
    return 100_000 + int(speed * STEP * wave)


def _buckets(total: int) -> list[int]:
    return [total * part // 100 for part in _SHAPE]


def _worker(index: int, done: int, failed: int) -> Json:
    return {
        "name": f"w{index:02d}", "pid": 4101 + index, "state": "ready", "state_seconds": 9.0,
        "generation": 1, "up_seconds": _UP, "restarts": 0, "last_cause": None, "last_exit": None,
        "last_end_seconds": None, "next_start_seconds": None,
        "beat_seconds": 0.1 * (index % 5), "backend_down_seconds": None,
        "in_flight": 12 + index % 3 if index != 2 else 0, "waiting": index % 2,
        "in_flight_limit": 256, "rss_bytes": 90_000_000, "private_bytes": 9_000_000 + index * 10**6,
        "claimed": done, "delivered": done, "failed": failed, "attempts": done + failed,
        "cpu_seconds": done / 2000, "sending_buckets": _buckets(done), "note": None,
    }  # fmt: skip


def _endpoint(index: int, done: int) -> Json:
    return {
        "id": f"app{index}/{index:08x}", "app": f"app{index}",
        "label": f"https://hooks{index}.example.com/push", "state": "closed",
        "shut_seconds": None, "disabled_at": None, "disabled_by": None,
        "limit": 16, "in_flight": index % 4, "waiting": 0,
        "failures_in_a_row": 0, "attempts": done, "ok": done, "failed": 0, "retried": 0,
        "given_up": 0, "parked": 0, "outcomes": {}, "last_failure": None,
        "last_success_at": _AT, "last_failure_at": None, "buckets": _buckets(done),
    }  # fmt: skip
