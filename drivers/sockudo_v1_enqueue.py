"""How jobs get into a Sockudo v1 list: as a server writes them, or as records of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sockq.drivers.batches import batches
from sockq.drivers.durations import whole_ms
from sockq.drivers.job import NewJob
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.sockudo_v1_format import BARE_BASE, Keys, Prefixes, Record, encode

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
        for payloads in _commands(job.payload for job in jobs):
            length = await self._client.command("RPUSH", key, *payloads)
            places += [f"{key}[{n}]" for n in range(length - len(payloads), length)]
        return places

    async def _push_records(self, jobs: Sequence[NewJob], delay_seconds: float) -> list[str]:
        prefix = self._prefixes.next()
        receipts = [f"{prefix}{BARE_BASE + n}" for n in range(1, len(jobs) + 1)]
        ids = [job.id or receipt for job, receipt in zip(jobs, receipts, strict=True)]
        records = [encode(Record(id_, job.payload)) for id_, job in zip(ids, jobs, strict=True)]
        if delay_seconds <= 0:
            for chunk in _commands(records):
                await self._client.command("RPUSH", self._keys.ready, *chunk)
            return ids
        members = [r.encode() + record for r, record in zip(receipts, records, strict=True)]
        for chunk in _commands(members):
            await self._scripts.run(
                _DELAY, (self._keys.delayed,), (whole_ms(delay_seconds), *chunk)
            )
        return ids


def _commands(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    return batches(payloads, _MOST_JOBS, size=len, most_bytes=_MOST_BYTES)
