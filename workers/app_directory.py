"""Looking the app of a job up. A configuration file's apps are always at hand.

An app that is not known is an answer; a store that cannot be asked is an outage, and its jobs wait.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from sockq.drivers.errors import SockqError
from sockq.workers.apps import App


class UnusableApp(SockqError):  # noqa: N818 - a verdict about a record
    """The app is known, and its record cannot be used: a bad URL, say. Its text says why."""


class AppDirectory(ABC):
    """Where apps come from.

    Attributes:
        trouble: Why the store cannot be asked now; None: it can, or there is none.
        by_key: Whether apps are found by key, as soketi finds them, and not by id.
        told: Who does not have an unknown app, for a dead letter.
    """

    trouble: SockqError | None = None
    by_key: bool = False
    told: str = "no app of the configuration"

    async def open(self) -> None:  # noqa: B027 - a file needs none
        """See whether the store can be asked. An outage is no error here.

        Raises:
            BackendRefused: It never can with these settings.
        """

    @abstractmethod
    def peek(self, app_id: str, app_key: str = "") -> App | None:
        """The app if it is at hand without waiting, else None. As cheap as a look in a dict."""

    @abstractmethod
    async def find(self, app_id: str, app_key: str = "") -> App | None:
        """The app, or None when the store says that there is none.

        Args:
            app_id: Of the job.
            app_key: Of the job: soketi's tables are asked by it.

        Raises:
            BackendUnavailable: The store cannot be asked now.
            UnusableApp: Its record is faulty.
        """

    def tidy(self) -> None:  # noqa: B027 - as above
        """Forget what is too old. Called about twice a second."""

    async def close(self) -> None:  # noqa: B027 - as above
        """Close what is open."""


class FileApps(AppDirectory):
    """The apps of the configuration file: complete, in memory, never unreachable.

    Args:
        apps: All of them.
        by_key: Whether an app is found by its key, as soketi finds it, and not by its id.
    """

    def __init__(self, apps: Iterable[App], *, by_key: bool = False) -> None:
        self.by_key = by_key
        self._apps = {app.key if by_key else app.id: app for app in apps}

    def peek(self, app_id: str, app_key: str = "") -> App | None:
        """Look in the file's apps."""
        return self._apps.get(app_key if self.by_key else app_id)

    async def find(self, app_id: str, app_key: str = "") -> App | None:
        """As ``peek``: a file has nothing to wait for."""
        return self.peek(app_id, app_key)
