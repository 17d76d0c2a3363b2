"""Asks one Redis server how it is set up, and who takes jobs from it."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sockq.drivers.bullmq_format import QUEUES, key_base
from sockq.drivers.errors import BackendRefused
from sockq.drivers.redis_address import CLIENT_NAME
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.redis_facts import RedisNode

#: SHA-1 of the script with which a Sockudo 5.0 server takes jobs.
CLAIM_OF_SOCKUDO_5: Final = "d7aa63831a080f0ab2a6fd3f9a839116861ff3f4"
#: How BullMQ's workers wait for a job.
_TAKES_OF_BULLMQ: Final = frozenset({"brpoplpush", "blmove", "bzpopmin"})
#: Questions to a clock; the quickest answer counts.
_LOOKS: Final = 3


async def inspect_node(client: RedisClient, soketi_prefix: str | None) -> RedisNode:
    """Ask one server.

    Args:
        client: Of that server, or of the only one.
        soketi_prefix: Look for soketi's workers on queues of this prefix; None: for Sockudo's.

    Raises:
        BackendUnavailable: it went away meanwhile.
    """
    info = _fields(await _ask(client, "INFO"))
    ahead, answer = await _clock(client)
    clients = await _clients(client)
    saves = await _config(client, "save")
    loaded = await _ask(client, "SCRIPT", "EXISTS", CLAIM_OF_SOCKUDO_5)
    version = info.get("valkey_version") or info.get("redis_version") or ""
    failed = (info.get("rdb_last_bgsave_status"), info.get("aof_last_write_status"))
    return RedisNode(
        where=client.where,
        product="Valkey" if "valkey_version" in info else "Redis",
        version=version,
        compatible=_numbers(info.get("redis_version") or ""),
        policy=info.get("maxmemory_policy"),
        most_bytes=_whole(info.get("maxmemory")),
        used_bytes=_whole(info.get("used_memory")),
        aof=info["aof_enabled"] == "1" if "aof_enabled" in info else None,
        snapshots=None if saves is None else bool(saves),
        save_failed="err" in failed,
        replica=info.get("role") == "slave",
        clock_ahead_seconds=ahead,
        answer_seconds=answer,
        sockudo5=None if loaded is None else bool(loaded[0]),
        poppers=None if clients is None else tuple(_poppers(clients)),
        soketi_workers=None
        if clients is None or soketi_prefix is None
        else tuple(_soketi(clients, soketi_prefix)),
    )


async def _ask(client: RedisClient, *command: Any) -> Any:
    """An answer, or None where this user or service does not allow the question."""
    try:
        return await client.command(*command)
    except BackendRefused:
        return None


async def _config(client: RedisClient, name: str) -> str | None:
    answer = await _ask(client, "CONFIG", "GET", name)
    return answer[1].decode(errors="replace") if answer else None


async def _clock(client: RedisClient) -> tuple[float | None, float | None]:
    """How far its clock is ahead, by the quickest of a few answers, and how quick that was."""
    best: tuple[float, float] | None = None
    for _ in range(_LOOKS):
        wall, began = time.time(), time.monotonic()
        answer = await _ask(client, "TIME")
        took = time.monotonic() - began
        if answer is None:
            return None, None
        ahead = int(answer[0]) + int(answer[1]) / 1e6 - (wall + took / 2)
        if best is None or took < best[1]:
            best = ahead, took
    assert best is not None
    return best


async def _clients(client: RedisClient) -> list[dict[str, str]] | None:
    answer = await _ask(client, "CLIENT", "LIST")
    if answer is None:
        return None
    lines = answer.decode(errors="replace").splitlines()
    return [dict(_pairs(line)) for line in lines]


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    for word in line.split(" "):
        name, _, value = word.partition("=")
        yield name, value


def _poppers(clients: list[dict[str, str]]) -> Iterator[str]:
    for one in clients:
        if one.get("cmd") == "blpop" and one.get("name") != CLIENT_NAME:
            yield one.get("addr", "?")


def _soketi(clients: list[dict[str, str]], prefix: str) -> Iterator[str]:
    """BullMQ's workers name their connections: prefix, colon, the queue in base64."""
    names = {
        f"{key_base(prefix)}:{b64encode(queue.encode()).decode()}".rstrip("=") for queue in QUEUES
    }
    for one in clients:
        if one.get("name", "").rstrip("=") in names and one.get("cmd") in _TAKES_OF_BULLMQ:
            yield one.get("addr", "?")


def _fields(info: Any) -> Mapping[str, str]:
    if isinstance(info, Mapping):  # redis-py has read it already
        return {str(name): str(value) for name, value in info.items()}
    text = info.decode(errors="replace") if isinstance(info, bytes) else ""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
