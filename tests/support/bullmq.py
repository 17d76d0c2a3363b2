"""What soketi's recordings hold of Redis: put it into a server, read it back, compare it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from support.redis_server import RedisServer

from sockq.drivers.bullmq import BullmqSource
from sockq.drivers.bullmq_format import QUEUES
from sockq.drivers.job import Lease, NewJob
from sockq.drivers.settings import BullmqSettings, LeaseSettings
from sockq.drivers.soketi_redis import SoketiRedisDriver
from sockq.drivers.source import Source

Dump = dict[str, dict[str, Any]]

#: Milliseconds since 1970, as in fields of jobs, events and scores; maybe with a fraction.
_TIME = re.compile(r"1[0-9]{12}(\.[0-9]+)?")
_TIMED_FIELDS = {"timestamp", "processedOn", "finishedOn"}
#: Fields that only sockq writes, and Node's own account of where an error came from.
_OWN_FIELDS = {"sockq:lease", "sockq:state", "sockq:crashes", "stacktrace"}


@asynccontextmanager
async def bullmq_source(
    server: RedisServer, prefix: str, *, lease_seconds: float = 30.0
) -> AsyncIterator[BullmqSource]:
    """The source of a prefix."""
    lease = LeaseSettings(lease_seconds)
    driver = SoketiRedisDriver(BullmqSettings(server.url, prefix, lease=lease))
    try:
        await driver.open()
        yield narrow(driver.sources[0])
    finally:
        await driver.close()


def narrow(source: Source) -> BullmqSource:
    """The source as what it is."""
    assert isinstance(source, BullmqSource)
    return source


class Queues:
    """A source, and the keys behind it."""

    def __init__(self, source: BullmqSource, redis: Any, prefix: str) -> None:
        self.source = source
        self.redis = redis
        self.prefix = prefix

    def key(self, suffix: str, queue: str = QUEUES[0]) -> str:
        return f"{self.prefix}{queue}:{suffix}"

    async def add(self, count: int, queue: str = QUEUES[0]) -> list[str]:
        kind = queue.removesuffix("_webhooks")
        events = [{"name": kind, "channel": "a"}]
        job = NewJob(json.dumps({"payload": {"time_ms": 1, "events": events}}).encode())
        return await self.source.enqueue([job] * count)

    async def take(self, count: int = 1, owner: str = "w:1") -> list[Lease]:
        leases = await self.source.claim(count, 0.0, owner)
        assert len(leases) == count
        return leases

    async def events(self) -> list[str]:
        return [fields["event"] for _, fields in await self.redis.xrange(self.key("events"))]


@asynccontextmanager
async def raw_redis(server: RedisServer) -> AsyncIterator[Any]:
    """A client that answers in text where it is text. (redis-py's own types do not know that.)"""
    client: Any = Redis.from_url(
        server.url, decode_responses=True, encoding_errors="surrogateescape", protocol=2
    )
    try:
        yield client
    finally:
        await client.aclose()


async def restore(redis: Any, dump: Mapping[str, Any]) -> None:
    """Put recorded keys into a server."""
    for key, entry in dump.items():
        value = entry["value"]
        match entry["type"]:
            case "string":
                await redis.set(key, _given(value))
            case "hash":
                await redis.hset(key, mapping={f: _given(v) for f, v in value.items()})
            case "list":
                await redis.rpush(key, *map(_given, value))
            case "set":
                await redis.sadd(key, *map(_given, value))
            case "zset":
                await redis.zadd(key, {_given(member): score for member, score in value})
            case "stream":
                for id_, flat in value:
                    pairs = [_given(item) for item in flat]
                    await redis.execute_command("XADD", key, id_, *pairs)
            case other:
                raise AssertionError(f"no such type was recorded: {other}")
        if entry["pttl"] > 0:
            await redis.pexpire(key, 30_000)


async def read_back(redis: Any, prefix: str) -> Dump:
    """All keys of a prefix, in the form of the recordings."""
    dump: Dump = {}
    async for key in redis.scan_iter(match=f"{prefix}*", count=1_000):
        kind = await redis.type(key)
        value: Any
        match kind:
            case "none":  # it went between the scan and this look
                continue
            case "string":
                value = await redis.get(key)
            case "hash":
                value = await redis.hgetall(key)
            case "list":
                value = await redis.lrange(key, 0, -1)
            case "set":
                value = sorted(await redis.smembers(key))
            case "zset":
                scored = await redis.zrange(key, 0, -1, withscores=True)
                value = [[member, f"{score:.0f}"] for member, score in scored]
            case _:
                value = [
                    [id_, [part for pair in fields.items() for part in pair]]
                    for id_, fields in await redis.xrange(key)
                ]
        dump[key] = {"type": kind, "pttl": await redis.pttl(key), "value": value}
    return dump


def comparable(dump: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal: all but times, tokens, and what only one side can know."""
    return {key: _comparable(key, entry) for key, entry in dump.items()}


def events_of(dump: Mapping[str, Any], key: str) -> list[list[str]]:
    """The entries of an event stream without their ids."""
    return [flat for _, flat in comparable(dump)[key]["value"]]


def _comparable(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    value = entry["value"]
    expires = entry["pttl"] > 0
    match entry["type"]:
        case "hash":
            value = {f: _field(f, _given(v)) for f, v in value.items() if f not in _OWN_FIELDS}
        case "string" if expires:
            value = "(lock or gate)"
        case "zset" if key.endswith(":delayed"):
            value = [[member, int(score) % 4096] for member, score in value]
        case "zset":
            value = [[member, _TIME.sub("T", str(score))] for member, score in value]
        case "stream":
            value = [["", _fields(flat)] for _, flat in value]
        case "set":
            value = sorted(value)
    return {"type": entry["type"], "expires": expires, "value": value}


def _fields(flat: list[Any]) -> list[Any]:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [part for name, value in pairs for part in (name, _field(name, _given(value)))]


def _field(name: str, value: str) -> Any:
    if name == "opts":
        return json.loads(value)
    if name in _TIMED_FIELDS or name in {"delay", "nextTimestamp"}:
        return _TIME.sub("T", value)
    return value


def _given(value: Any) -> Any:
    """A recorded value; bytes that are no text were recorded in base64."""
    if isinstance(value, dict):
        return b64decode(value["b64"]).decode(errors="surrogateescape")
    return value


def recorded_bytes(value: Any) -> bytes:
    """The bytes of a recorded text."""
    return str(_given(value)).encode(errors="surrogateescape")
