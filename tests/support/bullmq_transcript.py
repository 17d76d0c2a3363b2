"""What BullMQ was recorded to leave in Redis after each step, and the states before them."""

from __future__ import annotations

import time
from typing import Any

from support.bullmq import Dump, comparable, read_back, recorded_bytes, restore
from support.fixtures import ROOT, load

from sockq.drivers.bullmq import BullmqSource
from sockq.drivers.job import Lease

QUEUE = "tr:client_event_webhooks:"
VERSIONS = ("1.80.3", "1.91.1")


class Replay:
    """One version's transcript and one server, emptied."""

    def __init__(self, version: str, redis: Any, source: BullmqSource) -> None:
        self.version = version
        self.redis = redis
        self.source = source
        self._steps = load(ROOT / "soketi" / f"bullmq-transcript-{version}.json")["steps"]

    def before(self, step: int) -> Dump:
        """What stood in Redis before a step."""
        dump: Dump = self._steps[step - 1]["redis"]
        return {key: dict(entry) for key, entry in dump.items()}

    async def start(self, dump: Dump) -> None:
        await self.redis.flushdb()
        await restore(self.redis, dump)

    async def now(self) -> dict[str, Any]:
        return comparable(await read_back(self.redis, "tr:"))

    def after(self, step: int) -> dict[str, Any]:
        """What BullMQ left, an error's text aside where the step has no reason to give."""
        expected = comparable(self._steps[step]["redis"])
        if self.version == "1.80.3":
            self._drop_news_of_old(expected, self._steps[step - 1]["redis"])
        return expected

    @staticmethod
    def _drop_news_of_old(expected: dict[str, Any], before: Dump) -> None:
        """1.80 says `drained` when it takes the last job; 1.91 and we when that job is done."""
        key = f"{QUEUE}events"
        known = len(before[key]["value"]) if key in before else 0
        events = expected[key]["value"]
        if [event[1] for event in events[known:]][-1:] == [["event", "drained"]]:
            kinds = [event[1][1] for event in events[known:]]
            if "active" in kinds and "completed" not in kinds[kinds.index("active") :]:
                events.pop()

    def payload(self, step: int, job_id: str) -> bytes:
        return recorded_bytes(self._steps[step]["redis"][QUEUE + job_id]["value"]["data"])

    def opts(self, step: int, job_id: str) -> str:
        text: str = self._steps[step]["redis"][QUEUE + job_id]["value"]["opts"]
        return text


def held(job_id: str, token: str) -> Lease:
    """The lease that the recorded lock stands for."""
    receipt = f"1:00000:{len(job_id)}:{job_id}{token}"
    return Lease(job_id, b"", 1, receipt, "nobody")


def gate() -> dict[str, Any]:
    return {"type": "string", "pttl": 30_000, "value": "1795290666651"}


def due_later(job_id: str) -> dict[str, Any]:
    later_ms = time.time_ns() // 1_000_000 + 60_000
    value = [[job_id, str(later_ms * 4096 + int(job_id))]]
    return {"type": "zset", "pttl": -1, "value": value}


def without_gate(dump: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in dump.items() if not key.endswith(":stalled-check")}


def of_the_queue(dump: dict[str, Any]) -> dict[str, Any]:
    """Without the gates of the other five queues."""
    return {key: value for key, value in dump.items() if key.startswith(QUEUE)}


def meta() -> dict[str, Any]:
    return {"type": "hash", "pttl": -1, "value": {"opts.maxLenEvents": "10000"}}
