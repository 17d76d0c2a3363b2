"""The driver for a Redis or Valkey cluster: only the connection differs from one server."""

from __future__ import annotations

from collections.abc import Sequence

from sockq.drivers.errors import BackendRefused
from sockq.drivers.redis import RedisDriver
from sockq.drivers.redis_address import Access, Address, connection_options, read_url
from sockq.drivers.redis_client import LONGEST_BLOCK_SECONDS, NodeClient, RedisClient, single_server
from sockq.drivers.redis_cluster_nodes import ClusterExecutor
from sockq.drivers.redis_cluster_topology import MakeClient, Topology
from sockq.drivers.settings import RedisClusterSettings, RedisSettings


class RedisClusterDriver(RedisDriver):
    """Opens the queues that servers keep under one prefix of a cluster.

    Args:
        settings: Where, and which queue.
    """

    name = "redis-cluster"

    def __init__(self, settings: RedisClusterSettings) -> None:
        super().__init__(settings)
        self._nodes = settings.nodes

    def _connect(self) -> RedisClient:
        return connect_cluster(self._nodes, self._settings)


def connect_cluster(
    nodes: Sequence[str], settings: RedisSettings | RedisClusterSettings
) -> RedisClient:
    """Return a client of a cluster; it connects with its first command.

    Args:
        nodes: Where to ask for the others: URLs or ``host:port``. One suffices.
        settings: Times and TLS.

    Raises:
        BackendRefused: a node's address or a TLS file cannot be used, or the nodes differ in more
            than their address.
    """
    seeds, access = read_nodes(nodes)
    connection, options = connection_options(access, settings.tls, settings.connect_timeout_seconds)

    def make(timeout_seconds: float) -> MakeClient:
        def client(node: Address) -> NodeClient:
            return single_server(connection, options, node, timeout_seconds)

        return client

    where = ", ".join(map(str, seeds))
    timeout = settings.response_timeout_seconds
    topology = Topology(seeds, make(settings.connect_timeout_seconds), where, timeout)
    return RedisClient(
        ClusterExecutor(topology, make(timeout)),
        ClusterExecutor(topology, make(timeout + LONGEST_BLOCK_SECONDS)),
        where,
    )


def read_nodes(nodes: Sequence[str]) -> tuple[list[Address], Access]:
    """Return the addresses of nodes, and how to talk to all of them.

    Raises:
        BackendRefused: see ``connect_cluster``.
    """
    read = [read_url(node if "://" in node else f"redis://{node}") for node in nodes]
    if not read:
        raise BackendRefused(
            "a Redis cluster needs the address of at least one node; set queue.redis_cluster.nodes"
        )
    (_, access), *_ = read
    if any(other != access for _, other in read):
        raise BackendRefused(
            "the nodes of a Redis cluster must have the same user, password and scheme"
        )
    if access.db:
        raise BackendRefused("a Redis cluster has database 0 only; take the number off the URL")
    return [address for address, _ in read], access
