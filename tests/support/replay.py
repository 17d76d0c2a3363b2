"""Recordings of real servers put into a Redis that a fleet is draining, one after the other.

Keys stand there as they were recorded, but for the name by which the job's app is looked up: one
fleet serves all recordings of a prefix, and each has an app of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis
from support.bullmq import Dump, read_back, restore
from support.redis_server import RedisServer
from support.until import until

T = TypeVar("T")

#: Ours to say, or of the recording machine.
_NOT_COMPARED = {"host", "connection", "content-length"}


def renamed(recorded: Any, old: str, new: str) -> Any:
    """A recorded value with ``old`` replaced in every text."""
    if isinstance(recorded, str):
        return recorded.replace(old, new)
    if isinstance(recorded, list):
        return [renamed(item, old, new) for item in recorded]
    if isinstance(recorded, dict):
        return {key: renamed(value, old, new) for key, value in recorded.items()}
    return recorded


def at_port(app: Mapping[str, Any], recorded: str, port: int) -> dict[str, Any]:
    """The recorded app, posting to our receiver."""
    moved: dict[str, Any] = json.loads(json.dumps(app).replace(recorded, str(port)))
    return moved


def put(server: RedisServer, recorded: Mapping[str, Any]) -> None:
    """Write recorded keys, all at once, so that whoever waits for one finds the others.

    The entries of streams get new ids: who reads a stream waits for ids behind the last it saw.
    """
    fresh = {key: _with_fresh_ids(entry) for key, entry in recorded.items()}

    async def write(redis: Any) -> None:
        async with redis.pipeline(transaction=True) as pipe:
            await restore(pipe, fresh)
            await pipe.execute()

    _with_redis(server, write)


def look(server: RedisServer, prefix: str) -> Dump:
    """Read what stands under a prefix."""
    return _with_redis(server, lambda redis: read_back(redis, prefix))


def take_out(server: RedisServer, prefix: str) -> Dump:
    """Read what stands under a prefix, and remove it."""

    async def read(redis: Any) -> Dump:
        found = await read_back(redis, prefix)
        if found:
            await redis.delete(*found)
        return found

    return _with_redis(server, read)


def _with_fresh_ids(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if entry["type"] != "stream":
        return entry
    return {**entry, "value": [["*", fields] for _, fields in entry["value"]]}


def _with_redis(server: RedisServer, use: Callable[[Any], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Redis.from_url(
            server.url, decode_responses=True, encoding_errors="surrogateescape", protocol=2
        ) as redis:
            return await use(redis)

    return asyncio.run(run())


class Sent(Protocol):
    """A request, ours or a recorded one."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


class Recorder(Protocol):
    """A sink of any kind."""

    @property
    def received(self) -> Sequence[Sent]: ...


def arrived(sink: Recorder, key: str) -> list[Sent]:
    """What came for the app with this key."""
    return [one for one in sink.received if _headers(one).get("x-pusher-key") == key]


def until_arrived(sink: Recorder, key: str, count: int, explain: Callable[[], str]) -> None:
    """Wait until so many requests came for the app."""
    until(lambda: len(arrived(sink, key)) >= count, within=15, explain=explain)


def comparable_request(sent: Sent, **fixed: str) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """What must be as recorded.

    Args:
        sent: The request.
        fixed: Headers whose values are known to differ, by lower-case name with ``_`` for ``-``.
    """
    headers = _headers(sent)
    agent = headers.pop("user-agent", "")
    if agent and not agent.startswith(("SoketiWebhooks", "sockq/")):
        headers["user-agent"] = agent
    kept = {
        name: value
        for name, value in headers.items()
        if name not in _NOT_COMPARED and not name.startswith("x-sockq-")
    }
    kept |= {name.replace("_", "-"): value for name, value in fixed.items()}
    return sent.method, sent.target, sorted(kept.items()), sent.body


def _headers(sent: Sent) -> dict[str, str]:
    return {name.lower(): value for name, value in sent.headers}
