"""From settings to the directory of apps: the file's, and the store's where there is one."""

from __future__ import annotations

from collections.abc import Callable

from sockq.workers.app_directory import AppDirectory, FileApps
from sockq.workers.app_store import Shape, make_store
from sockq.workers.settings import WorkerSettings


def make_directory(settings: WorkerSettings, warn: Callable[[str], None]) -> AppDirectory:
    """Return the directory for ``settings``, not yet opened (see ``AppDirectory.open``).

    Args:
        settings: Of a worker.
        warn: Called with each warning about a record of the store.
    """
    wanted = settings.app_store
    if wanted is None:
        return FileApps(settings.apps, by_key=settings.apps_by_key)
    from sockq.workers.app_cache import CachedApps  # noqa: PLC0415 - only with a store
    from sockq.workers.app_records import record_reader  # noqa: PLC0415

    return CachedApps(
        settings.apps,
        make_store(wanted),
        record_reader(wanted, settings.webhook_defaults),
        settings.app_cache,
        by_key=wanted.shape is Shape.SOKETI,
        warn=warn,
    )
