"""A worker of a Sockudo 5 server, step by step in plain commands: for one task at a time."""

from __future__ import annotations

import uuid

from support.v2_queue import Queue, now_ms

MAX_ATTEMPTS = 5


class ServerWorker:
    """Does with the keys what the server's claim, ack, nack and stalled sweep do.

    Args:
        queue: Where.
        lease_ms: How long it leases; a negative number makes leases that are over at once.
    """

    def __init__(self, queue: Queue, lease_ms: int = 30_000) -> None:
        self._queue = queue
        self._lease_ms = lease_ms

    async def claim(self) -> tuple[str, str] | None:
        """Take the oldest listed job; return its id and token."""
        run = self._queue.run
        await self.sweep()
        while (raw := await run("RPOP", "wait")) is not None:
            id_ = raw.decode()
            stored = await run("HEXISTS", "jobs", id_)
            leased = await run("HEXISTS", "tokens", id_)
            if not stored or leased or await run("ZSCORE", "completed", id_) is not None:
                continue
            if await run("HINCRBY", "attempts", id_, 1) > await self._maximum(id_):
                await self._bury(id_, "attempts-exhausted")
                continue
            token = f"{uuid.uuid4().hex}:1"
            await run("HSET", "tokens", id_, token)
            await run("ZADD", "active", now_ms() + self._lease_ms, id_)
            return id_, token
        return None

    async def ack(self, id_: str, token: str) -> bool:
        """Complete a job."""
        if not await self._end(id_, token):
            return False
        await self._queue.run("HDEL", "failures", id_)
        await self._queue.run("ZADD", "completed", now_ms(), id_)
        return True

    async def nack(self, id_: str, token: str, delay_ms: int = 0) -> bool:
        """Retry a job, or bury it at its maximum."""
        run = self._queue.run
        if not await self._end(id_, token):
            return False
        await run("HSET", "failures", id_, "processor-error")
        if int(await run("HGET", "attempts", id_)) >= await self._maximum(id_):
            await self._bury(id_, "processor-error")
        elif delay_ms > 0:
            await run("ZADD", "delayed", now_ms() + delay_ms, id_)
        else:
            await run("LPUSH", "wait", id_)
        return True

    async def sweep(self) -> None:
        """End every expired lease, of anybody, and make due jobs ready."""
        run = self._queue.run
        for raw in await run("ZRANGEBYSCORE", "active", "-inf", now_ms()):
            id_ = raw.decode()
            await run("ZREM", "active", id_)
            await run("HDEL", "tokens", id_)
            if int(await run("HGET", "attempts", id_) or 0) >= await self._maximum(id_):
                await self._bury(id_, "lease-expired")
            else:
                await run("LPUSH", "wait", id_)
        for raw in await run("ZRANGEBYSCORE", "delayed", "-inf", now_ms()):
            await run("ZREM", "delayed", raw)
            await run("LPUSH", "wait", raw)

    async def _end(self, id_: str, token: str) -> bool:
        run = self._queue.run
        if await run("HGET", "tokens", id_) != token.encode():
            return False
        await run("ZREM", "active", id_)
        await run("HDEL", "tokens", id_)
        return True

    async def _maximum(self, id_: str) -> int:
        return int(await self._queue.run("HGET", "max-attempts", id_) or MAX_ATTEMPTS)

    async def _bury(self, id_: str, reason: str) -> None:
        await self._queue.run("ZADD", "dlq", now_ms(), id_)
        await self._queue.run("HSET", "failures", id_, reason)
