"""Follows the master that Sentinels name."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.redis_address import Access, Address, connection_options, read_url
from sockq.drivers.redis_client import LONGEST_BLOCK_SECONDS, Executor, RedisClient, single_server
from sockq.drivers.settings import RedisSettings, SentinelSettings

#: How redis-py tells, inside its text, that a Sentinel answered and said no.
_DENIALS: Final = ("AuthenticationError", "NOAUTH", "WRONGPASS", "NOPERM")


class SentinelExecutor:
    """Sends commands to the master; what ``RedisClient`` takes.

    A connection that breaks, or that is told READONLY, asks the Sentinels again.
    """

    def __init__(self, sentinel: Sentinel, master: Executor, settings: SentinelSettings) -> None:
        self._sentinel = sentinel
        self._master = master
        self._settings = settings

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to the master there is now.

        Raises:
            BackendUnavailable: no Sentinel names a master now.
            BackendRefused: a Sentinel denies access, or its certificate is not accepted.
            RedisError: any answer of the master.
        """
        try:
            return await self._master.execute_command(*args)
        except MasterNotFoundError as error:
            raise _no_master(str(error), self._settings) from None

    async def aclose(self) -> None:
        """Close the connections to the master and to the Sentinels."""
        await self._master.aclose()
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()


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
        raise BackendRefused("Sentinel needs the address of at least one Sentinel")
    _, access = read_url(settings.url)
    timeout = settings.response_timeout_seconds
    return RedisClient(
        _executor(settings, sentinel, access, timeout),
        _executor(settings, sentinel, access, timeout + LONGEST_BLOCK_SECONDS),
        _where(sentinel),
    )


def _executor(
    settings: RedisSettings, sentinel: SentinelSettings, access: Access, timeout_seconds: float
) -> SentinelExecutor:
    connection, options = connection_options(access, settings.tls, settings.connect_timeout_seconds)
    managed = (
        SentinelManagedSSLConnection
        if issubclass(connection, SSLConnection)
        else SentinelManagedConnection
    )
    watching = Sentinel([])  # type: ignore[no-untyped-call]
    # Not through its constructor, which would give all of them the master's options.
    watching.sentinels = [_sentinel(settings, sentinel, node) for node in sentinel.nodes]
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]
        sentinel.master,
        watching,
        connection_class=managed,
        socket_timeout=timeout_seconds,
        **options,
    )
    return SentinelExecutor(watching, Redis.from_pool(pool), sentinel)


def _sentinel(settings: RedisSettings, sentinel: SentinelSettings, node: tuple[str, int]) -> Any:
    access = Access(sentinel.username, sentinel.password, encrypted=sentinel.tls is not None)
    timeout = settings.connect_timeout_seconds
    tls = sentinel.tls if sentinel.tls is not None else settings.tls
    connection, options = connection_options(access, tls, timeout)
    return single_server(connection, options, Address(*node), timeout)


def _no_master(text: str, settings: SentinelSettings) -> SockqError:
    where = _where(settings)
    if any(word in text for word in _DENIALS):
        return BackendRefused(f"a Sentinel of {where} denies access; correct sentinel_password")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return BackendRefused(f"the TLS certificate of a Sentinel of {where} is not accepted")
    return BackendUnavailable(f"no Sentinel names a master for {where} now")


def _where(settings: SentinelSettings) -> str:
    nodes = ", ".join(str(Address(host, port)) for host, port in settings.nodes)
    return f"{settings.master} (Sentinel {nodes})"
