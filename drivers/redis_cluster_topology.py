"""Who owns which slot of a Redis Cluster: asked for when it is needed, and again when in doubt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.redis_address import Address
from sockq.drivers.redis_client import NodeClient
from sockq.drivers.redis_cluster_map import SlotMap
from sockq.drivers.redis_errors import translate

MakeClient = Callable[[Address], NodeClient]


class Topology:
    """The cluster's map, shared by all who send commands.

    Args:
        seeds: Asked first, and when no known node answers.
        make: Makes the client of a node, to ask it for the map.
        where: For humans.
        patience_seconds: How long one round of asking may take.
    """

    def __init__(
        self, seeds: Sequence[Address], make: MakeClient, where: str, patience_seconds: float
    ) -> None:
        self._map = SlotMap()
        self._seeds = tuple(seeds)
        self._make = make
        self._where = where
        self._patience_seconds = patience_seconds
        self._answered: Address | None = None
        self._stale = True
        #: Nodes that did not answer last time.
        self._silent: set[Address] = set()
        self._lock = asyncio.Lock()
        self._rounds = 0
        self._failure: SockqError | None = None

    @property
    def nodes(self) -> tuple[Address, ...]:
        """Every node of the map, masters first."""
        return self._map.nodes

    def doubt(self, node: Address | None = None) -> None:
        """Have the map asked for before the next command; a node that broke off is asked last."""
        self._stale = True
        if node is not None:
            self._silent.add(node)

    def moved(self, slot: int, owner: Address) -> None:
        """Note what a node said of one slot; others may have moved too."""
        self._map.moved(slot, owner)
        self._stale = True

    async def owner(self, slot: int | None) -> Address:
        """Return the master of a slot; None: a node that answers.

        Raises:
            BackendUnavailable: no node answers, or nobody owns the slot now.
            BackendRefused: what answers is no cluster, or denies access.
        """
        if self._stale:
            await self._refresh()
        owner = self._answered if slot is None else self._map.owner(slot)
        if owner is None:
            self._stale = True
            raise BackendUnavailable(
                f"the Redis cluster at {self._where} is not ready: no master for slot {slot}"
            )
        return owner

    async def _refresh(self) -> None:
        """Ask once for all who wait, and let all of them know when nobody answered."""
        round_seen = self._rounds
        async with self._lock:
            if self._rounds == round_seen:
                self._failure = await self._ask()
                self._rounds += 1
            if self._failure is not None:
                raise self._failure

    async def _ask(self) -> SockqError | None:
        failure: SockqError | None = None
        try:
            async with asyncio.timeout(self._patience_seconds):
                for node in self._order():
                    try:
                        await self._ask_one(node)
                    except SockqError as error:
                        # One that refuses says more than those that are away.
                        failure = error if isinstance(error, BackendRefused) else failure or error
                    else:
                        return None
        except TimeoutError:
            pass
        if isinstance(failure, BackendRefused):
            return failure
        return BackendUnavailable(f"no node of the Redis cluster at {self._where} answers")

    async def _ask_one(self, node: Address) -> None:
        self._silent.add(node)  # until it has answered: this may be cut off
        self._stale = False  # doubts that come up from now on count
        try:
            answer = await self._slots(node)
        except BaseException:
            self._stale = True
            raise
        self._map.replace(answer, node)
        self._answered = node
        self._silent.discard(node)
        self._silent &= {*self._map.nodes, *self._seeds}

    def _order(self) -> list[Address]:
        """Known nodes in any order, so that one's wrong view does not stay; seeds; silent ones."""
        known = [*self._map.nodes]
        random.shuffle(known)
        return sorted(dict.fromkeys((*known, *self._seeds)), key=self._silent.__contains__)

    async def _slots(self, node: Address) -> Any:
        client = self._make(node)
        try:
            return await client.execute_command("CLUSTER", "SLOTS")
        except (RedisError, OSError, EOFError, ValueError) as error:
            if isinstance(error, ResponseError) and "cluster support disabled" in str(error):
                raise BackendRefused(
                    f"Redis at {node} is not part of a cluster; use the queue driver redis"
                ) from None
            raise translate(error, str(node)) from None
        finally:
            await close_quietly(client)


async def close_quietly(client: NodeClient) -> None:
    """Close a client, also one that is broken."""
    try:
        await client.aclose()
    except (RedisError, OSError):
        return
