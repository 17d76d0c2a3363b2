"""The driver for Redis and Valkey: one server, the master that Sentinels name, ``cluster_mode``."""

from __future__ import annotations

from sockq.drivers.fleet_beats import FleetBeats, sockudo_base
from sockq.drivers.redis_client import RedisClient, connect
from sockq.drivers.redis_driver import RedisBackedDriver
from sockq.drivers.settings import RedisClusterSettings, RedisSettings
from sockq.drivers.sockudo_v1 import SockudoV1Source
from sockq.drivers.sockudo_v2 import SockudoV2Source
from sockq.drivers.sockudo_v2_keys import base_key


class RedisDriver(RedisBackedDriver):
    """Opens the queues that servers keep under one prefix.

    Args:
        settings: Where, and which queue.
    """

    name = "redis"

    def __init__(self, settings: RedisSettings | RedisClusterSettings) -> None:
        super().__init__()
        self._settings = settings

    async def open(self) -> None:
        """See ``Driver.open``."""
        client = self._connect()
        self._client = client
        await client.ping()
        first, *_ = v1_list_keys(self._settings.prefix, self._settings.queue)
        self._beats = FleetBeats(client, sockudo_base(first))
        self.sources = [
            SockudoV1Source(client, key, self._settings.lease)
            for key in v1_list_keys(self._settings.prefix, self._settings.queue)
        ]
        self.sources += [
            SockudoV2Source(client, base, self._settings.lease, self._settings.reliability)
            for base in v2_bases(self._settings.prefix, self._settings.queue)
        ]

    def _connect(self) -> RedisClient:
        settings = self._settings
        assert isinstance(settings, RedisSettings)
        if settings.sentinel is not None:
            from sockq.drivers.redis_sentinel import connect_sentinel  # noqa: PLC0415 - as below

            return connect_sentinel(settings, settings.sentinel)
        if settings.cluster_mode:
            from sockq.drivers.redis_cluster import connect_cluster  # noqa: PLC0415 - builds on this

            return connect_cluster((settings.url,), settings)
        return connect(settings)


def v1_list_keys(prefix: str, queue: str) -> list[str]:
    """Return the lists of a prefix, the one that servers write first.

    Servers put ``:queue:`` behind the prefix as it is, and the default prefix ends in a colon:
    ``sockudo_queue::queue:webhooks``. Their documentation shows one colon; whoever followed it
    with a producer of their own is served too.
    """
    keys = [f"{prefix}:queue:{queue}"]
    if prefix.endswith(":"):
        keys.append(f"{prefix}queue:{queue}")
    return keys


def v2_bases(prefix: str, queue: str) -> list[str]:
    """Return the base of the Sockudo 5 queue of a prefix; none where no such server would start."""
    try:
        return [base_key(prefix, queue)]
    except ValueError:
        return []
