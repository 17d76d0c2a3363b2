"""Follows the master that Sentinels name."""

from __future__ import annotations

import random
from typing import Any

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import RedisError

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.redis_address import Access, Address, connection_options, read_url
from sockq.drivers.redis_client import LONGEST_BLOCK_SECONDS, Executor, RedisClient, single_server
from sockq.drivers.redis_errors import translate
from sockq.drivers.settings import RedisSettings, SentinelSettings


class Watchers(Sentinel):
    """The Sentinels, asked by redis-py's pool whenever it needs a connection to the master.

    redis-py's own way of asking does not tell why none of them could say.

    Args:
        clients: One of each Sentinel.
        where: For humans.
    """

    def __init__(self, clients: dict[Address, Executor], where: str) -> None:
        super().__init__([])  # type: ignore[no-untyped-call]
        self._clients = clients
        self._where = where
        self._silent: set[Address] = set()

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return where the master is.

        Raises:
            BackendUnavailable: no Sentinel answers, or none knows the master.
            BackendRefused: a Sentinel denies access or its certificate is not accepted, and no
                other one knows the master.
        """
        failure: SockqError | None = None
        # In any order, so that one's wrong view does not stay; those that were silent last.
        for node in sorted(random.sample([*self._clients], len(self._clients)), key=self._order):
            try:
                found = await self._ask(node, service_name)
            except SockqError as error:
                self._silent.add(node)
                failure = error if isinstance(error, BackendRefused) else failure or error
                continue
            self._silent.discard(node)
            if found is not None:
                return found[0].decode(), int(found[1])
        if isinstance(failure, BackendRefused):
            raise failure
        raise BackendUnavailable(f"no Sentinel names a master for {self._where} now")

    async def close(self) -> None:
        """Close the connections to all Sentinels."""
        for client in self._clients.values():
            await client.aclose()

    def _order(self, node: Address) -> bool:
        return node in self._silent

    async def _ask(self, node: Address, name: str) -> Any:
        try:
            return await self._clients[node].execute_command(
                "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name
            )
        except (RedisError, OSError, EOFError, ValueError) as error:
            raise translate(error, f"{node} (a Sentinel)") from None


class SentinelExecutor:
    """Sends commands to the master; what ``RedisClient`` takes.

    A connection that breaks, or that is told READONLY, asks the Sentinels again.
    """

    def __init__(self, master: Executor, watchers: Watchers) -> None:
        self._master = master
        self._watchers = watchers

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to the master there is now. Raises as ``Watchers``, or ``RedisError``."""
        return await self._master.execute_command(*args)

    async def aclose(self) -> None:
        """Close the connections to the master and to the Sentinels."""
        await self._master.aclose()
        await self._watchers.close()


def connect_sentinel(settings: RedisSettings, sentinel: SentinelSettings) -> RedisClient:
    """Return a client of the master; it connects with its first command.

    Args:
        settings: User, password, database and scheme of the URL are the master's; its host and
            port do not count.
        sentinel: Who names the master.

    Raises:
        BackendRefused: the URL or a TLS file cannot be used, or there is no Sentinel.
    """
    if not sentinel.nodes:
        raise BackendRefused("database.redis.sentinels names no Sentinel")
    timeout = settings.response_timeout_seconds
    return RedisClient(
        _executor(settings, sentinel, timeout),
        _executor(settings, sentinel, timeout + LONGEST_BLOCK_SECONDS),
        _where(sentinel),
    )


def _executor(
    settings: RedisSettings, sentinel: SentinelSettings, timeout_seconds: float
) -> SentinelExecutor:
    _, access = read_url(settings.url)
    connection, options = connection_options(access, settings.tls, settings.connect_timeout_seconds)
    managed = (
        SentinelManagedSSLConnection
        if issubclass(connection, SSLConnection)
        else SentinelManagedConnection
    )
    watchers = Watchers(_sentinels(settings, sentinel), _where(sentinel))
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]
        sentinel.master,
        watchers,
        connection_class=managed,
        socket_timeout=timeout_seconds,
        **options,
    )
    return SentinelExecutor(Redis.from_pool(pool), watchers)


def _sentinels(settings: RedisSettings, sentinel: SentinelSettings) -> dict[Address, Executor]:
    timeout = settings.connect_timeout_seconds
    access = Access(sentinel.username, sentinel.password, encrypted=sentinel.tls is not None)
    connection, options = connection_options(access, sentinel.tls or settings.tls, timeout)
    nodes = [Address(host, port) for host, port in sentinel.nodes]
    return {node: single_server(connection, options, node, timeout) for node in nodes}


def _where(settings: SentinelSettings) -> str:
    nodes = ", ".join(str(Address(host, port)) for host, port in settings.nodes)
    return f"{settings.master} (Sentinel {nodes})"
