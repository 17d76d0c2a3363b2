"""How jobs get into a Sockudo v1 list: as a server writes them, or as records of our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockq.drivers.job import NewJob
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.sockudo_v1_format import BARE_BASE, Keys, Prefixes, Record, encode
from sockq.drivers.sockudo_v1_settling import delay_ms

#: Bytes of payload and jobs that one command carries; more bytes for a single larger job.
_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_JOBS: Final = 512
_DELAY: Final = load("sockudo_v1_delay")


class Producer:
    """Enqueues on one list; see ``SockudoV1Source.enqueue``."""

    def __init__(self, client: RedisClient, keys: Keys, prefixes: Prefixes) -> None:
        self._client = client
        self._scripts = LuaScripts(client)
        self._keys = keys
        self._prefixes = prefixes

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float) -> list[str]:
        """Put jobs in, in order; return their ids or places."""
        if delay_seconds > 0:
            return await self._push_records(jobs, delay_seconds)
        ids: list[str] = []
        plain: list[NewJob] = []
        for job in jobs:
            if job.id is None:
                plain.append(job)
                continue
            ids += await self._push_plain(plain)
            plain = []
            ids += await self._push_records([job], 0.0)
        return ids + await self._push_plain(plain)

    async def _push_plain(self, jobs: list[NewJob]) -> list[str]:
        key = self._keys.list
        places: list[str] = []
        for payloads in _by_size([job.payload for job in jobs]):
            length = await self._client.command("RPUSH", key, *payloads)
            places += [f"{key}[{n}]" for n in range(length - len(payloads), length)]
        return places

    async def _push_records(self, jobs: Sequence[NewJob], delay_seconds: float) -> list[str]:
        prefix = self._prefixes.next()
        receipts = [f"{prefix}{BARE_BASE + n}" for n in range(1, len(jobs) + 1)]
        ids = [job.id or receipt for job, receipt in zip(jobs, receipts, strict=True)]
        records = [encode(Record(id_, job.payload)) for id_, job in zip(ids, jobs, strict=True)]
        if delay_seconds <= 0:
            for chunk in _by_size(records):
                await self._client.command("RPUSH", self._keys.ready, *chunk)
            return ids
        members = [r.encode() + record for r, record in zip(receipts, records, strict=True)]
        for chunk in _by_size(members):
            await self._scripts.run(
                _DELAY, (self._keys.delayed,), (delay_ms(delay_seconds), *chunk)
            )
        return ids


def _by_size(payloads: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Cut into commands of bounded size."""
    chunk: list[bytes] = []
    size = 0
    for payload in payloads:
        if chunk and (size + len(payload) > _MOST_BYTES or len(chunk) >= _MOST_JOBS):
            yield chunk
            chunk, size = [], 0
        chunk.append(payload)
        size += len(payload)
    if chunk:
        yield chunk
