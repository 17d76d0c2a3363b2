"""What a worker says in the log: one line for what ends, a bounded number for what repeats.

Never a payload, a secret, a header's value or a URL's query: ids, labels and reasons only.
"""

from __future__ import annotations

import traceback

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Dead, Lease
from sockq.workers.attempt_log import AttemptLog
from sockq.workers.logs import Event, Log


class WorkerLog:
    """Events of one worker process.

    Args:
        index: Of its slot.
        log_success: Share of the requests that succeed which get a line too, 0 to 1.

    Attributes:
        attempts: Where single requests are told.
    """

    def __init__(self, index: int, log_success: float = 0.0) -> None:
        self._log = Log(f"w{index:02d}")
        self.attempts = AttemptLog(self._log, log_success)

    def dead(self, dead: Dead) -> None:
        """A job goes to the dead-letter store."""
        self._log.warning(
            Event.JOB_DEAD, job=dead.lease.id, reason=dead.reason, attempt=dead.lease.attempt
        )

    def suspects(self, jobs: int) -> None:
        """Jobs whose worker died have their turn: one alone after the other."""
        self._log.info(Event.JOBS_ALONE, jobs=jobs)

    def lease_lost(self, lease: Lease) -> None:
        """Somebody else has the job now; it may be delivered twice, under the same delivery id."""
        self._log.warning(Event.LEASE_LOST, job=lease.id)

    def unsettled(self, jobs: int) -> None:
        """The drain ended before the backend had answered for everything."""
        self._log.warning(Event.UNSETTLED, jobs=jobs, next="their leases are given back")

    def orphaned(self) -> None:
        """The parent is gone; the worker gives back what it holds and leaves."""
        self._log.warning(Event.PARENT_LOST)

    def backend_down(self, source: str, error: SockqError) -> None:
        """An outage begins. Said once."""
        self._log.error(Event.BACKEND_DOWN, source=source, error=str(error))

    def backend_up(self, source: str, seconds: float) -> None:
        """An outage is over."""
        self._log.info(Event.BACKEND_UP, source=source, after_seconds=seconds)

    def app_store_down(self, error: SockqError) -> None:
        """The app store cannot be asked; jobs of apps that are not remembered wait. Said once."""
        self._log.error(Event.APP_STORE_DOWN, error=str(error))

    def app_store_up(self, seconds: float) -> None:
        """It can be asked again."""
        self._log.info(Event.APP_STORE_UP, after_seconds=seconds)

    def app_warning(self, warning: str) -> None:
        """An app's record works, though not as its author may think."""
        self._log.warning(Event.APP_WARNING, detail=warning)

    def refused(self, error: SockqError) -> None:
        """The backend says no; trying again cannot help."""
        self._log.error(Event.START_REFUSED, error=str(error))

    def internal_error(self, lease: Lease, error: BaseException) -> None:
        """A fault of sockq's own. The job is tried again; the place is logged, never its data."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
        self._log.error(Event.INTERNAL_ERROR, job=lease.id, kind=type(error).__name__, where=where)
