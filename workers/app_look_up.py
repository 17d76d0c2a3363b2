"""Jobs whose app is not at hand: found, settled as unknown or unusable, or sent back to wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from sockq.drivers.errors import BackendUnavailable, SockqError
from sockq.drivers.job import Dead, Lease, Release
from sockq.workers import board
from sockq.workers.app_directory import AppDirectory, UnusableApp
from sockq.workers.apps import App
from sockq.workers.board import SlotWriter
from sockq.workers.dead_reasons import UNUSABLE_APP
from sockq.workers.desk import Desk
from sockq.workers.own_fault import own_fault
from sockq.workers.target_state import ended
from sockq.workers.unix_clock import unix_ms
from sockq.workers.verdict import unknown_app
from sockq.workers.webhook_job import WebhookJob
from sockq.workers.worker_log import WorkerLog

LEAST_WAIT_SECONDS: Final = 2.0
MOST_WAIT_SECONDS: Final = 15.0

Dispatch = Callable[[Desk, Lease, WebhookJob, App], None]


class LookUps:
    """One task for each job that waits for its app.

    Args:
        apps: Where apps are looked up.
        grace_seconds: How long a job of an unknown app waits for that app to appear.
        dispatch: Takes a job whose app is found.
        slot: The worker's part of the board.
        log: Where events go.
    """

    def __init__(
        self,
        apps: AppDirectory,
        grace_seconds: float,
        dispatch: Dispatch,
        slot: SlotWriter,
        log: WorkerLog,
    ) -> None:
        self._apps = apps
        self._grace_seconds = grace_seconds
        self._dispatch = dispatch
        self._slot = slot
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self._down_since = 0.0

    def start(self, desk: Desk, lease: Lease, job: WebhookJob) -> None:
        """Look the app of a job up; the job is dispatched or settled in the end."""
        task = asyncio.get_running_loop().create_task(self._look_up(desk, lease, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def pending(self) -> int:
        """Jobs that wait for their app now."""
        return len(self._tasks)

    def watch_store(self) -> bool:
        """Report the start and the end of an outage; return whether one lasts."""
        self._apps.tidy()
        trouble = self._apps.trouble
        if (trouble is not None) != bool(self._down_since):
            self._turn(trouble)
        return trouble is not None

    async def stop(self, within: float) -> None:
        """Wait this long for what is looked up; send the rest back."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _look_up(self, desk: Desk, lease: Lease, job: WebhookJob) -> None:
        desk.journal.begins(lease)
        try:
            app = await self._apps.find(job.app_id, job.app_key)
            if app is not None:  # still marked: a job that kills may do so here
                self._dispatch(desk, lease, job, app)
                return
            kind, name = ("key", job.app_key) if self._apps.by_key else ("id", job.app_id)
            now_ms = unix_ms()
            why = f"{self._apps.told} has this {kind}"
            desk.end(unknown_app(lease, name, self._grace_seconds, now_ms, why))
        except BackendUnavailable:
            self.watch_store()
            desk.add(Release(lease, delay_seconds=self._wait_seconds()))
        except UnusableApp as error:
            reason = f"{UNUSABLE_APP}: {error}"
            desk.end(Dead(lease, reason, ended(lease.state, reason)))
        except asyncio.CancelledError:
            desk.add(Release(lease))
            raise
        except Exception as error:  # a fault of ours must not take the worker or the job
            self._log.internal_error(lease, error)
            desk.end(own_fault(lease, error, unix_ms()))
        finally:
            desk.journal.rests(lease)

    def _wait_seconds(self) -> float:
        """For how long a job waits in the queue: the longer, the longer the outage has lasted."""
        lasted = time.monotonic() - self._down_since if self._down_since else 0.0
        seconds = min(max(lasted / 2, LEAST_WAIT_SECONDS), MOST_WAIT_SECONDS)
        return seconds * (0.75 + random.random() / 2)  # noqa: S311 - jitter

    def _turn(self, trouble: SockqError | None) -> None:
        words = self._slot.words
        if trouble is not None:
            self._down_since = time.monotonic()
            words[board.BACKEND_ERRORS] += 1
            self._slot.set_text(str(trouble))
            self._log.app_store_down(trouble)
            return
        self._log.app_store_up(time.monotonic() - self._down_since)
        self._down_since = 0.0
        if not words[board.BACKEND_DOWN_SINCE_NS]:
            self._slot.set_text("")
