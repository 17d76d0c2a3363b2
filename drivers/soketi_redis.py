"""The driver for the queues that soketi servers keep in Redis."""

from __future__ import annotations

from sockq.drivers.bullmq import BullmqSource
from sockq.drivers.bullmq_format import has_hash_tag
from sockq.drivers.errors import BackendRefused
from sockq.drivers.fleet_beats import FleetBeats, soketi_base
from sockq.drivers.redis_client import RedisClient, connect
from sockq.drivers.redis_driver import RedisBackedDriver
from sockq.drivers.settings import BullmqSettings, RedisSettings


class SoketiRedisDriver(RedisBackedDriver):
    """Opens soketi's six queues as one source.

    Args:
        settings: Where, and which prefix.
    """

    name = "redis"

    def __init__(self, settings: BullmqSettings) -> None:
        super().__init__()
        self._settings = settings

    async def open(self) -> None:
        """See ``Driver.open``. Touches every queue, so that wrong rights show here."""
        settings = self._settings
        client = self._connect()
        self._client = client
        await client.ping()
        source = BullmqSource(client, settings.prefix, settings.lease)
        try:
            await source.stats()
        except BackendRefused as error:
            if "CROSSSLOT" in str(error) and not has_hash_tag(settings.prefix):
                raise no_hash_tag(settings.prefix, client.where) from None
            raise
        self._beats = FleetBeats(client, soketi_base(settings.prefix))
        self.sources = [source]

    def _connect(self) -> RedisClient:
        settings = self._settings
        redis = RedisSettings(
            url=settings.url,
            response_timeout_seconds=settings.response_timeout_seconds,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            tls=settings.tls,
        )
        if settings.nodes:
            from sockq.drivers.redis_cluster import connect_cluster  # noqa: PLC0415 - only if used

            return connect_cluster(settings.nodes, redis)
        if settings.sentinel is not None:
            from sockq.drivers.redis_sentinel import connect_sentinel  # noqa: PLC0415 - as above

            return connect_sentinel(redis, settings.sentinel)
        return connect(redis)


def no_hash_tag(prefix: str, where: str) -> BackendRefused:
    """Return the refusal of a prefix whose keys a Redis Cluster spreads over its nodes."""
    name = prefix.strip(":{}") or "soketi"
    return BackendRefused(
        f"Redis at {where} is a cluster and soketi's key prefix {prefix!r} has no hash tag; set"
        f" SOKETI_DB_REDIS_KEY_PREFIX={{{name}}}: for every soketi server and for sockq"
    )
