"""Asks a Redis what could hurt its queue. Reads only: nothing is written, taken or configured."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sockq.drivers.bullmq_format import QUEUES, key_base
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.hosts import is_local, is_private
from sockq.drivers.redis import v1_list_keys, v2_bases
from sockq.drivers.redis_address import Access, Address, connection_options, read_url
from sockq.drivers.redis_client import RedisClient, single_server
from sockq.drivers.redis_cluster import read_nodes
from sockq.drivers.redis_cluster_map import SLOTS, SlotMap
from sockq.drivers.redis_driver import RedisBackedDriver
from sockq.drivers.redis_facts import RedisFacts, RedisNode, RedisQueue
from sockq.drivers.redis_node_facts import inspect_node
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import BullmqSettings, RedisClusterSettings, RedisSettings
from sockq.drivers.sockudo_v1_format import Keys

RedisBackend = RedisSettings | RedisClusterSettings | BullmqSettings

_MOST_NODES: Final = 32
_SAMPLE: Final = 32
_LIVE_SECONDS: Final = 30.0
#: What the sources send, with arguments of the right shape; keys are put in for ``{}``.
_NEEDED: Final = (
    ("EVALSHA", "0" * 40, "1", "{}"),
    ("EVAL", "return 1", "1", "{}"),
    ("BLMOVE", "{}", "{}", "LEFT", "RIGHT", "0.01"),
    ("BLPOP", "{}", "0.01"),
    *((name, "{}") for name in ("LLEN", "HGETALL", "TYPE", "DEL")),
    ("LMOVE", "{}", "{}", "LEFT", "RIGHT"),
    ("RPUSH", "{}", "x"),
    ("HSET", "{}", "f", "x"),
    ("ZADD", "{}", "1", "x"),
    ("XADD", "{}", "*", "f", "x"),
    ("TIME",),
)
_CHECK: Final = """local denied = {}
for i = 1, #ARGV do
  if not redis.acl_check_cmd(unpack(cjson.decode(ARGV[i]))) then denied[#denied + 1] = i end
end
return denied"""


async def inspect_redis(settings: RedisBackend) -> RedisFacts:
    """Ask. Never raises: what cannot be asked is None, a backend that is away says so."""
    try:
        facts, access, addresses = _reach(settings)
    except BackendRefused as error:
        return RedisFacts("Redis", failure=str(error), refused=True)
    driver = make_driver(settings)
    assert isinstance(driver, RedisBackedDriver)
    try:
        await driver.open()
        client = driver.client
        facts = replace(facts, where=client.where)
        nodes = await _nodes(settings, client, access, addresses)
        queue = await _queue(settings, client)
        with contextlib.suppress(BackendRefused):
            beats = await driver.fleet() or []
            live = sum(beat.age_seconds < _LIVE_SECONDS for beat in beats)
            queue = replace(queue, hosts=live)
        user, denied = await _denied(settings, client)
    except BackendUnavailable as error:
        return replace(facts, failure=str(error))
    except BackendRefused as error:
        return replace(facts, failure=str(error), refused=True)
    finally:
        await driver.close()
    return replace(facts, nodes=nodes, queue=queue, user=user, denied=denied)


def _reach(settings: RedisBackend) -> tuple[RedisFacts, Access, list[Address]]:
    sentinel = None if isinstance(settings, RedisClusterSettings) else settings.sentinel
    nodes: Sequence[str] = ()
    if not isinstance(settings, RedisSettings):
        nodes = settings.nodes
    elif settings.cluster_mode:
        nodes = (settings.url,)
    if nodes:
        addresses, access = read_nodes(nodes)
    else:
        assert not isinstance(settings, RedisClusterSettings)
        address, access = read_url(settings.url)
        addresses = [Address(*node) for node in sentinel.nodes] if sentinel else [address]
    hosts = [address.host for address in addresses]
    facts = RedisFacts(
        ", ".join(map(str, addresses)),
        kind="cluster" if nodes else "sentinel" if sentinel else "single",
        encrypted=access.encrypted,
        verified=settings.tls.verify and not access.insecure,
        password=bool(access.password),
        local=all(is_local(host) for host in hosts),
        private=all(is_private(host) for host in hosts),
    )
    return facts, access, addresses


async def _nodes(
    settings: RedisBackend, client: RedisClient, access: Access, addresses: list[Address]
) -> tuple[RedisNode, ...]:
    prefix = settings.prefix if isinstance(settings, BullmqSettings) else None
    cluster = isinstance(settings, RedisClusterSettings) or bool(
        settings.cluster_mode if isinstance(settings, RedisSettings) else settings.nodes
    )
    if not cluster:
        return (await inspect_node(client, prefix),)
    slots = SlotMap()
    slots.replace(await client.command("CLUSTER", "SLOTS"), addresses[0])
    masters = {owner for slot in range(SLOTS) if (owner := slots.owner(slot)) is not None}
    found = []
    for address in sorted(masters, key=str)[:_MOST_NODES]:
        connection, options = connection_options(
            access, settings.tls, settings.connect_timeout_seconds
        )
        server = single_server(connection, options, address, settings.response_timeout_seconds)
        node = RedisClient(server, server, str(address))
        try:
            found.append(await inspect_node(node, prefix))
        finally:
            await node.close()
    return tuple(found)


async def _queue(settings: RedisBackend, client: RedisClient) -> RedisQueue:
    if isinstance(settings, BullmqSettings):
        return RedisQueue()
    keys = v1_list_keys(settings.prefix, settings.queue)
    lists = [(key, await _length(client, "LLEN", key)) for key in keys]
    ours = [one for key in keys for one in (Keys(key).intake, Keys(key).ready, Keys(key).leased)]
    used = False
    for key in ours:
        used = used or await client.command("EXISTS", key) == 1
    queue = RedisQueue(tuple(lists), used or any(length for _, length in lists))
    for base in v2_bases(settings.prefix, settings.queue):
        counts = [
            await _length(client, command, f"{base}:{suffix}")
            for command, suffix in (("LLEN", "wait"), ("LLEN", "inline-wait"),
                                    ("ZCARD", "delayed"), ("ZCARD", "active"))
        ]  # fmt: skip
        foreign = await _foreign(client, f"{base}:tokens")
        queue = replace(queue, v2_jobs=sum(counts), v2_foreign=foreign)
    return queue


async def _length(client: RedisClient, command: str, key: str) -> int:
    try:
        return int(await client.command(command, key))
    except BackendRefused:  # no right, or a key of another type: said elsewhere
        return 0


async def _foreign(client: RedisClient, tokens: str) -> int:
    """Leases in a sample whose token is not sockq's: ours name their owner before a space."""
    try:
        flat = await client.command("HRANDFIELD", tokens, _SAMPLE, "WITHVALUES")
    except BackendRefused:
        return 0
    return sum(b" " not in token for token in flat[1::2])


async def _denied(settings: RedisBackend, client: RedisClient) -> tuple[str, tuple[str, ...]]:
    """The ACL user and what it may not do; Redis 7 tells without doing it."""
    user = "default"
    with contextlib.suppress(BackendRefused):
        user = (await client.command("ACL", "WHOAMI")).decode(errors="replace")
    key = _probe_key(settings)
    wanted = [json.dumps([word.replace("{}", key) for word in one]) for one in _NEEDED]
    try:
        found = await client.command("EVAL", _CHECK, 1, key, *wanted)
    except BackendRefused as error:
        return user, ("EVAL",) if "NOPERM" in str(error) or "denies" in str(error) else ()
    return user, tuple(_NEEDED[number - 1][0] for number in found)


def _probe_key(settings: RedisBackend) -> str:
    if isinstance(settings, BullmqSettings):
        return f"{key_base(settings.prefix)}:{QUEUES[0]}:wait"
    return v1_list_keys(settings.prefix, settings.queue)[0]
