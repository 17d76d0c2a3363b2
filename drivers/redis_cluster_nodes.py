"""Sends every command to the node of a Redis Cluster that owns its key.

redis-py has a cluster client of its own. It is not used: it sends ``ASKING`` and the command that
it is for over two connections whenever a node has several (measured: with four, no command gets
through while its slot moves), and on ``CLUSTERDOWN`` or every fifth ``MOVED`` it closes the
connections of all commands under way, whose claimed jobs then wait for their leases to end.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.redis_address import Address
from sockq.drivers.redis_client import NodeClient
from sockq.drivers.redis_cluster_map import is_doubtful, is_told_to_wait, redirection, slot_of
from sockq.drivers.redis_cluster_topology import MakeClient, Topology, close_quietly
from sockq.drivers.redis_errors import translate

#: Steps of one command: redirections and waits. Two redirections are usual: to a new owner, then
#: on while the slot moves.
_MOST_STEPS: Final = 16
#: While a slot moves, commands on several of its keys have to wait: so long between tries.
_TRY_AGAIN_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.15, 0.2)
#: Connections to a node that left the cluster are closed when they were not used for so long:
#: longer than any command takes.
_LEFT_SECONDS: Final = 60.0


class ClusterExecutor:
    """Sends commands; what ``RedisClient`` takes.

    Args:
        topology: Shared by the executors of a client.
        make: Makes the client of a node, with connections of its own.
    """

    def __init__(self, topology: Topology, make: MakeClient) -> None:
        self._topology = topology
        self._make = make
        self._clients: dict[Address, NodeClient] = {}
        self._used: dict[Address, float] = {}
        self._closed = False

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to the master of its key and follow where it is sent on to.

        A command whose connection broke is not repeated here: it may have taken effect.

        Raises:
            BackendUnavailable: the cluster is changing, or its node is away.
            BackendRefused: no node says who owns what, and trying again cannot help.
            RedisError: any other answer of the node.
        """
        slot = slot_of(args)
        pauses = iter(_TRY_AGAIN_SECONDS)
        sent_to: Address | None = None
        asking = False
        for _ in range(_MOST_STEPS):
            node = sent_to or await self._topology.owner(slot)
            try:
                return await self._send(node, args, asking=asking)
            except ResponseError as error:
                told = redirection(error, node)
                if told is not None:
                    sent_to, asking = told.node, told.asking
                    if not asking:
                        self._topology.moved(told.slot, told.node)
                    continue
                if is_doubtful(error):
                    self._topology.doubt()
                pause = next(pauses, None) if is_told_to_wait(error) else None
                if pause is None:
                    raise
            sent_to, asking = None, False
            await asyncio.sleep(pause)
        self._topology.doubt()
        raise BackendUnavailable(f"the nodes of the Redis cluster disagree who owns slot {slot}")

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        clients = [*self._clients.values()]
        self._clients.clear()
        for client in clients:
            await close_quietly(client)

    async def _send(self, node: Address, args: tuple[Any, ...], *, asking: bool) -> Any:
        client = await self._client(node)
        try:
            if not asking:
                return await client.execute_command(*args)
            async with client.client() as one_connection:
                await one_connection.execute_command("ASKING")
                return await one_connection.execute_command(*args)
        except (RedisConnectionError, RedisTimeoutError, OSError, EOFError) as error:
            self._topology.doubt(node)
            raise translate(error, str(node)) from None
        finally:
            self._used[node] = time.monotonic()

    async def _client(self, node: Address) -> NodeClient:
        client = self._clients.get(node)
        if client is None:
            if self._closed:
                raise BackendUnavailable("the connection to the Redis cluster is closed")
            client = self._clients[node] = self._make(node)
            self._used[node] = time.monotonic()
            await self._leave()
        return client

    async def _leave(self) -> None:
        """Close what is open to nodes that are gone."""
        long_ago = time.monotonic() - _LEFT_SECONDS
        for node in [*self._clients]:
            if node not in self._topology.nodes and self._used[node] < long_ago:
                del self._used[node]
                await close_quietly(self._clients.pop(node))
