"""Where the hosts of a fleet leave word in Redis: two keys that no server lists or deletes.

Ages are told by the clock of Redis, so that the hosts' own clocks do not count.
"""

from __future__ import annotations

from typing import Final

from sockq.drivers.bullmq_format import key_base
from sockq.drivers.lua_scripts import LuaScripts, load
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.sockudo_v1_format import Keys
from sockq.drivers.source import Heartbeat

#: A silent host is remembered this many times as long as it is believed: people ask who is gone.
_REMEMBERED: Final = 10


class FleetBeats:
    """The hosts that deliver one queue.

    Args:
        client: The connection; closed by who opened it.
        base: What both keys start with; it has a hash tag on a cluster.
    """

    def __init__(self, client: RedisClient, base: str) -> None:
        self._scripts = LuaScripts(client)
        self._keys = (f"{base}fleet", f"{base}fleet-times")

    async def beat(self, name: str, document: bytes, expiry_seconds: float) -> None:
        """See ``Driver.heartbeat``."""
        keep_ms = max(1, int(expiry_seconds * _REMEMBERED * 1000))
        await self._scripts.run(load("fleet_beat"), self._keys, (name, document, keep_ms))

    async def read(self) -> list[Heartbeat]:
        """See ``Driver.fleet``."""
        flat = await self._scripts.run(load("fleet_read"), self._keys, ())
        return [
            Heartbeat(name.decode(errors="replace"), document, age_ms / 1000)
            for name, age_ms, document in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ]


def sockudo_base(list_key: str) -> str:
    """Beside a Sockudo queue: outside ``PREFIX:queue:*``, which 4.x servers delete."""
    return Keys(list_key).base


def soketi_base(prefix: str) -> str:
    """Beside soketi's queues: ``PREFIX:sockq:``, in the slot of the prefix's hash tag."""
    return f"{key_base(prefix)}:sockq:"
