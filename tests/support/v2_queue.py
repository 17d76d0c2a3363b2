"""A Sockudo 5 queue seen from the other side: what its servers write, and what stands in Redis."""

from __future__ import annotations

import json
import time
import uuid
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from sockq.drivers.redis_client import RedisClient, connect
from sockq.drivers.settings import LeaseSettings, RedisSettings, ReliabilitySettings
from sockq.drivers.sockudo_v2 import SockudoV2Source
from sockq.drivers.sockudo_v2_keys import base_key
from sockq.drivers.source import Driver

_CALL = "return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_id() -> str:
    return uuid.uuid4().hex


def job_data(id_: str, *, room: str = "my-channel", time_ms: int | None = None) -> bytes:
    """The job as a 5.x server writes it, ``job_id`` first."""
    stamp = now_ms() if time_ms is None else time_ms
    text = (
        f'{{"job_id":"{id_}","app_key":"app-key","app_id":"app-id","app_secret":"app-secret",'
        f'"payload":{{"time_ms":{stamp},"events":[{{"channel":"{room}","name":"channel_occupied"}}]}},'
        f'"original_signature":"app-id:{room}:channel_occupied"}}'
    )
    return text.encode()


def enveloped(id_: str, data: bytes | None = None) -> bytes:
    data = job_data(id_) if data is None else data
    return b'{"version":2,"id":"' + id_.encode() + b'","data":' + data + b"}"


def record(id_: str, data: bytes | None = None) -> bytes:
    return b"J" + id_.encode() + (job_data(id_) if data is None else data)


def framed(records: Sequence[bytes], count: int | None = None) -> bytes:
    """A packed frame; ``count`` lies about the number of records when given."""
    number = len(records) if count is None else count
    parts = [len(one).to_bytes(4, "big") + one for one in records]
    return b"B" + number.to_bytes(4, "big") + b"".join(parts)


class V2Driver(Driver):
    """The source alone, without the list of older servers beside it."""

    name = "redis"

    def __init__(
        self,
        url: str,
        lease: LeaseSettings | None = None,
        reliability: ReliabilitySettings | None = None,
        prefix: str = "sockudo_queue:",
    ) -> None:
        self.sources = []
        self.source: SockudoV2Source
        self._settings = RedisSettings(
            url=url,
            prefix=prefix,
            lease=lease or LeaseSettings(),
            reliability=reliability or ReliabilitySettings(),
        )

    async def open(self) -> None:
        settings = self._settings
        self.client = connect(settings)
        await self.client.ping()
        self.source = SockudoV2Source(
            self.client,
            base_key(settings.prefix, settings.queue),
            settings.lease,
            settings.reliability,
        )
        self.sources = [self.source]

    async def close(self) -> None:
        await self.client.close()


class Queue:
    """Reads and writes the keys as a server would.

    Attributes:
        source: The source under test, on the same keys.
    """

    def __init__(self, source: SockudoV2Source, client: RedisClient) -> None:
        self.source = source
        self.client = client
        self.base = source.name

    async def run(self, command: str, suffix: str, *args: Any) -> Any:
        """One command on the key with that suffix, its answer as the server gives it."""
        return await self.command(command, f"{self.base}:{suffix}", *args)

    async def command(self, command: str, key: str, *args: Any) -> Any:
        """One command; from within a script, because the client reshapes some answers."""
        return await self.client.command("EVAL", _CALL, 1, key, command, *args)

    async def table(self, suffix: str) -> dict[str, str]:
        """A hash, as text."""
        flat = await self.run("HGETALL", suffix)
        return {flat[i].decode(): flat[i + 1].decode("latin-1") for i in range(0, len(flat), 2)}

    async def scores(self, suffix: str) -> dict[str, int]:
        """A sorted set."""
        flat = await self.run("ZRANGE", suffix, 0, -1, "WITHSCORES")
        return {flat[i].decode(): int(float(flat[i + 1])) for i in range(0, len(flat), 2)}

    async def events(self) -> list[tuple[str, str]]:
        """Name and job of every event in the stream."""
        rows = await self.run("XRANGE", "events", "-", "+")
        return [(fields[1].decode(), fields[3].decode()) for _, fields in rows]

    async def store(self, id_: str, stored: bytes | None = None, maximum: int | None = 5) -> None:
        """The rows of an enveloped job, which is not ready yet."""
        await self.run("HSET", "jobs", id_, enveloped(id_) if stored is None else stored)
        await self.run("HSET", "attempts", id_, 0)
        if maximum is not None:
            await self.run("HSET", "max-attempts", id_, maximum)

    async def push(self, id_: str, stored: bytes | None = None, maximum: int | None = 5) -> None:
        """What a server's enqueueing of one job leaves."""
        await self.store(id_, stored, maximum)
        await self.run("LPUSH", "wait", id_)
        await self.run("LPUSH", "notify", "1")

    async def push_frame(self, frame: bytes, count: int) -> None:
        """What a server's enqueueing of a packed frame leaves."""
        await self.run("LPUSH", "inline-wait", frame)
        await self.run("INCRBY", "inline-wait-count", count)
        await self.run("LPUSH", "notify", "1")

    async def lease_as_server(self, id_: str, deadline_ms: int, attempt: int = 1) -> str:
        """Lease a stored job as one of the server's workers does; return its token."""
        token = f"{uuid.uuid4().hex}:1"
        await self.run("HSET", "tokens", id_, token)
        await self.run("HSET", "attempts", id_, attempt)
        await self.run("ZADD", "active", deadline_ms, id_)
        return token

    async def load(self, recorded: dict[str, Any], base: str) -> None:
        """Write recorded keys as they were, under the base of this queue."""
        for recorded_key, entry in recorded.items():
            assert recorded_key.startswith(base)
            key, value = recorded_key.replace(base, self.base), entry["value"]
            match entry["type"]:
                case "string":
                    await self.command("SET", key, _raw(value))
                case "list":
                    await self.command("RPUSH", key, *map(_raw, value))
                case "hash":
                    flat = [part for pair in value.items() for part in (pair[0], _raw(pair[1]))]
                    await self.command("HSET", key, *flat)
                case "zset":
                    flat = [part for member, score in value for part in (score, member)]
                    await self.command("ZADD", key, *flat)
                case "stream":
                    for stream_id, fields in value:
                        await self.command("XADD", key, stream_id, *fields)
                case other:
                    raise AssertionError(f"{key}: unknown type {other}")

    async def dump(self) -> dict[str, Any]:
        """Every key of the queue in the form that ``timeless`` gives recordings."""
        found: dict[str, Any] = {}
        for key in await self.client.command("KEYS", f"{self.base}*"):
            kind = await self.client.command("TYPE", key)
            suffix = key.decode().removeprefix(self.base + ":")
            match kind:
                case b"string":
                    found[suffix] = (await self.command("GET", key)).decode()
                case b"list":
                    rows = await self.command("LRANGE", key, 0, -1)
                    found[suffix] = [row.decode() for row in rows]
                case b"hash":
                    flat = await self.command("HGETALL", key)
                    found[suffix] = dict(
                        zip(
                            (field.decode() for field in flat[::2]),
                            (value.decode() for value in flat[1::2]),
                            strict=True,
                        )
                    )
                case b"zset":
                    found[suffix] = sorted(await self.scores(suffix))
                case b"stream":
                    found[suffix] = sorted(await self.events())
                case other:
                    raise AssertionError(f"{suffix}: unknown type {other!r}")
        return found


def timeless(recorded: dict[str, Any], base: str) -> dict[str, Any]:
    """A recording's keys without times, sets and events in a fixed order; see ``Queue.dump``."""
    shown: dict[str, Any] = {}
    for key, entry in recorded.items():
        suffix, value = key.removeprefix(base + ":"), entry["value"]
        match entry["type"]:
            case "zset":
                shown[suffix] = sorted(member for member, _ in value)
            case "stream":
                shown[suffix] = sorted((fields[1], fields[3]) for _, fields in value)
            case _:
                shown[suffix] = value
    return shown


def recorded_jobs(recorded: dict[str, Any], base: str) -> dict[str, bytes]:
    """The job of every id in a recording of what was enqueued, cut out by a decoder of its own."""
    jobs: dict[str, bytes] = {}
    for id_, text in recorded.get(f"{base}:jobs", {}).get("value", {}).items():
        head = f'{{"version":2,"id":"{id_}","data":'
        assert text.startswith(head)
        assert json.loads(text)["id"] == id_
        jobs[id_] = text[len(head) : -1].encode()
    for packed in recorded.get(f"{base}:inline-wait", {}).get("value", []):
        frame = _raw(packed)
        at = 5
        while at < len(frame):
            length = int.from_bytes(frame[at : at + 4], "big")
            one = frame[at + 4 : at + 4 + length]
            jobs[one[1:33].decode()] = one[33:]
            at += 4 + length
    return jobs


def _raw(value: Any) -> bytes:
    return b64decode(value["b64"]) if isinstance(value, dict) else str(value).encode()
