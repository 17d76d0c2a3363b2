"""``sockq run``: say what will run, then be the fleet."""

from __future__ import annotations

import os

from sockq.drivers.bullmq_format import key_base
from sockq.drivers.settings import (
    BullmqSettings,
    DriverSettings,
    MemorySettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.drivers.sqs_names import queue_name, service
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import note
from sockq.supervisor.redis_url import where


def run(settings: FleetSettings, *, with_status: bool = False) -> int:
    """Announce the fleet and run it; ``with_status`` behind the live screen, if there can be one.

    Returns:
        Its exit code.
    """
    if with_status:
        from sockq.supervisor.status_command import wants_screen  # noqa: PLC0415

        if wants_screen(os.environ):
            from sockq.supervisor.run_screen import run_with_screen  # noqa: PLC0415 - brings rich

            return run_with_screen(settings.directory)
        note("there is no terminal for --status; running without it")
    from sockq.supervisor.parent import run_fleet  # noqa: PLC0415 - only this command forks

    for line in announcement(settings):
        note(line)
    return run_fleet(settings)


def announcement(settings: FleetSettings) -> tuple[str, str]:
    """Two lines: what runs, and how to see it. No secrets."""
    apps = len(settings.worker.apps)
    place = _place(settings.driver)
    return (
        f"{settings.version}, {_many(settings.workers, 'worker')}, {place}, {_many(apps, 'app')}",
        f"see it with: sockq status --dir {settings.directory}",
    )


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _place(driver: DriverSettings) -> str:
    match driver:
        case RedisSettings() | RedisClusterSettings():
            return f"{_redis_place(driver)}, keys {driver.prefix}…"
        case BullmqSettings():
            return f"{_redis_place(driver)}, soketi's queues {key_base(driver.prefix)}:*_webhooks"
        case SqsSettings():
            return f"{service(driver)}, queue {queue_name(driver)}"
        case MemorySettings():
            return f"memory queue of {driver.capacity} jobs"
        case _:
            return "no queue"


def _redis_place(driver: RedisSettings | RedisClusterSettings | BullmqSettings) -> str:
    nodes = () if isinstance(driver, RedisSettings) else driver.nodes
    if nodes:
        return f"redis cluster at {', '.join(map(where, nodes))}"
    if isinstance(driver, RedisClusterSettings):
        return "redis cluster"
    if driver.sentinel is not None:
        sentinels = ", ".join(f"{host}:{port}" for host, port in driver.sentinel.nodes)
        return f"redis {driver.sentinel.master} (Sentinel {sentinels})"
    cluster = " cluster" if isinstance(driver, RedisSettings) and driver.cluster_mode else ""
    return f"redis{cluster} at {where(driver.url)}"
