"""``sockq enqueue``: jobs from lines or made for an app, into the queue of the configuration."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import msgspec

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.supervisor.advice import with_advice
from sockq.supervisor.job_events import make_event, make_job
from sockq.supervisor.output import note, say
from sockq.supervisor.settings_server import ServerName
from sockq.supervisor.soketi_events import check_soketi_event, make_soketi_job
from sockq.workers import exits
from sockq.workers.apps import App

_BATCH = 500
_WORTH_A_BAR = 1000
Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that is to be made.

    Attributes:
        app: Id of an app of the configuration.
        event: Name of its one event.
        channel: The event's channel.
        data: JSON text, see ``make_event``; None: a stand-in.
        user: ``user_id`` of a member event.
        client_event: What the client called its event.
    """

    app: str
    event: str
    channel: str
    data: str | None = None
    user: str = ""
    client_event: str = ""


def made_job(
    apps: Sequence[App], wanted: Wanted, now_ms: int, server: ServerName = "Sockudo"
) -> bytes:
    """Make a job with the key and secret of a configured app, as its server writes jobs.

    Raises:
        ValueError: One line: unknown app or event, or unusable data; and what to do.
    """
    app = next((app for app in apps if app.id == wanted.app), None)
    if app is None:
        known = f"there are {', '.join(app.id for app in apps)}" if apps else "give its --config"
        raise ValueError(f'there is no app "{wanted.app}" in the configuration; {known}')
    data: object = msgspec.UNSET
    if wanted.data is not None:
        try:
            data = msgspec.json.decode(wanted.data)
        except (msgspec.DecodeError, UnicodeError):
            raise ValueError("--data is not JSON; a text needs its quotes: '\"text\"'") from None
    if server == "soketi":
        check_soketi_event(wanted.event)
    event = make_event(
        wanted.event, wanted.channel, data, user=wanted.user, client_event=wanted.client_event
    )
    if server == "soketi":
        return make_soketi_job(app.id, app.key, app.secret, event, now_ms)
    return make_job(app.id, app.key, app.secret, event, now_ms)


def enqueue(settings: DriverSettings, jobs: Iterable[NewJob], total: int) -> int:
    """Put jobs in and say how many went where.

    Args:
        settings: Of the queue.
        jobs: In order.
        total: How many they are.

    Returns:
        Exit code.
    """
    try:
        with _progress(total) as step:
            done, name = asyncio.run(_enqueue(settings, jobs, step))
    except BackendUnavailable as error:
        note(with_advice(error, settings))
        return exits.UNAVAILABLE
    except BackendRefused as error:
        note(str(error))
        return exits.CONFIG
    say(f"enqueued {done} job{'' if done == 1 else 's'} into {name}")
    return exits.OK


async def _enqueue(settings: DriverSettings, jobs: Iterable[NewJob], step: Step) -> tuple[int, str]:
    driver = make_driver(settings)
    try:
        await driver.open()
        if not driver.sources:
            raise BackendRefused("queue.driver none has no queue; choose memory, redis or sqs")
        source, done = driver.sources[0], 0
        rest = iter(jobs)
        while batch := list(islice(rest, _BATCH)):
            done += len(await source.enqueue(batch))
            step(len(batch))
        return done, source.name
    finally:
        await driver.close()


@contextmanager
def _progress(total: int) -> Iterator[Step]:
    """A bar on a terminal when there is much to do; else nothing."""
    if total <= _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("enqueue", total=total)
        yield lambda count: bar.advance(task, count)
