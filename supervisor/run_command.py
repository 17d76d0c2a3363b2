"""``sockq run``: say what will run, then be the fleet."""

from __future__ import annotations

from sockq.drivers.settings import DriverSettings, MemorySettings, RedisSettings
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import note
from sockq.supervisor.redis_url import where


def run(settings: FleetSettings) -> int:
    """Announce the fleet and run it. Returns its exit code."""
    from sockq.supervisor.parent import run_fleet  # noqa: PLC0415 - only this command forks

    for line in announcement(settings):
        note(line)
    return run_fleet(settings)


def announcement(settings: FleetSettings) -> tuple[str, str]:
    """Two lines: what runs, and how to see it. No secrets."""
    apps = len(settings.worker.apps)
    place, plural = _place(settings.driver), "" if apps == 1 else "s"
    return (
        f"{settings.version}, {settings.workers} workers, {place}, {apps} app{plural}",
        f"see it with: sockq status --dir {settings.directory}",
    )


def _place(driver: DriverSettings) -> str:
    match driver:
        case RedisSettings():
            return f"redis at {where(driver.url)}, keys {driver.prefix}…"
        case MemorySettings():
            return f"memory queue of {driver.capacity} jobs"
        case _:
            return "no queue"
