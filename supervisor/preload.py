"""Imports what the children need, before the first fork: a fork is then ready in milliseconds.

Imports only: no connection, no thread, no file stays open. What stands in memory afterwards is
frozen, so that collecting garbage in a child does not copy the parent's pages.
"""

from __future__ import annotations

import asyncio.selector_events
import gc
from importlib import import_module
from typing import Final

from sockq.drivers.settings import (
    BullmqSettings,
    MemorySettings,
    NoneSettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.supervisor.fleet import FleetSettings
from sockq.workers.app_store import store_module

_ALWAYS: Final = (asyncio.selector_events.__name__, "sockq.supervisor.janitor")
_WORKER: Final = "sockq.workers.process"
_STORES: Final = ("sockq.workers.app_cache", "sockq.workers.app_records")
_DRIVERS: Final = {
    MemorySettings: ("sockq.drivers.memory", "sockq.supervisor.broker_process"),
    RedisSettings: (
        "sockq.drivers.redis",
        "sockq.drivers.redis_cluster",
        "sockq.drivers.redis_sentinel",
    ),
    RedisClusterSettings: ("sockq.drivers.redis_cluster",),
    BullmqSettings: ("sockq.drivers.soketi_redis",),
    SqsSettings: ("sockq.drivers.sqs",),
    NoneSettings: ("sockq.drivers.none",),
}


def preload(settings: FleetSettings) -> None:
    """Import the bodies of the children and the driver of ``settings``."""
    http = () if settings.http is None else ("sockq.supervisor.http_child",)
    for name in (*_ALWAYS, _WORKER, *http, *_DRIVERS[type(settings.driver)]):
        import_module(name)
    if settings.worker.app_store is not None:
        for name in (store_module(settings.worker.app_store), *_STORES):
            import_module(name)


def freeze() -> None:
    """Collect, and keep what is left out of all later collections, the children's included."""
    gc.collect()
    gc.freeze()
