"""Looking an app up by its id. A configuration file's apps are always at hand.

An app that is not known is an answer; a store that cannot be asked is an outage, and its jobs wait.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from sockq.workers.apps import App


class AppDirectory(ABC):
    """Where apps come from."""

    @abstractmethod
    def peek(self, app_id: str) -> App | None:
        """The app if it is at hand without waiting, else None."""

    @abstractmethod
    async def find(self, app_id: str) -> App | None:
        """The app, or None when the store says that there is none.

        Raises:
            BackendUnavailable: the store cannot be asked now.
        """


class FileApps(AppDirectory):
    """The apps of the configuration file: complete, in memory, never unreachable."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._by_id = {app.id: app for app in apps}

    def peek(self, app_id: str) -> App | None:
        """Look in the file's apps."""
        return self._by_id.get(app_id)

    async def find(self, app_id: str) -> App | None:
        """As ``peek``: a file has nothing to wait for."""
        return self._by_id.get(app_id)
