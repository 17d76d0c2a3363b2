"""What every driver on Redis has: one client, closed at the end, and the word that hosts leave."""

from __future__ import annotations

from sockq.drivers.fleet_beats import FleetBeats
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.source import Driver, Heartbeat, Source


class RedisBackedDriver(Driver):
    """Base of the drivers on Redis.

    Their ``open`` sets ``_client`` before it sends anything, so that ``close`` finds it also when
    nothing answers, and ``_beats`` and ``sources`` when it has succeeded.
    """

    def __init__(self) -> None:
        self._client: RedisClient | None = None
        self._beats: FleetBeats | None = None
        self.sources: list[Source] = []

    @property
    def client(self) -> RedisClient:
        """The connection of all its sources. Only of a driver that was opened."""
        assert self._client is not None
        return self._client

    async def close(self) -> None:
        """See ``Driver.close``."""
        if self._client is not None:
            await self._client.close()

    async def heartbeat(self, name: str, document: bytes, expiry_seconds: float) -> bool:
        """See ``Driver.heartbeat``."""
        assert self._beats is not None
        await self._beats.beat(name, document, expiry_seconds)
        return True

    async def fleet(self) -> list[Heartbeat] | None:
        """See ``Driver.fleet``."""
        assert self._beats is not None
        return await self._beats.read()
