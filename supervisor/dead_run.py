"""Runs one look or step over the dead letters, and turns trouble into one line and a code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.supervisor.advice import with_advice
from sockq.supervisor.dead_select import Selection
from sockq.supervisor.dead_store import AppsAway, DeadStore, NoSuchSource, open_store
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import nobody_reads, note
from sockq.workers import exits


def run_on_store(
    settings: FleetSettings,
    selection: Selection,
    source: str,
    step: Callable[[DeadStore], Awaitable[int]],
) -> int:
    """Open the queues, do one thing, close them.

    Args:
        settings: Of the fleet.
        selection: Which letters.
        source: In the name of the queue; empty: all.
        step: What to do; returns an exit code.

    Returns:
        That exit code, or the one for what went wrong, which was said in a line.
    """

    async def run() -> int:
        async with open_store(settings, selection, source) as store:
            return await step(store)

    try:
        return asyncio.run(run())
    except BrokenPipeError:
        nobody_reads()
        return exits.OK
    except NoSuchSource as error:
        note(str(error))
        return exits.USAGE
    except AppsAway as error:
        note(str(error))
        return exits.UNAVAILABLE
    except BackendUnavailable as error:
        note(with_advice(error, settings.driver))
        return exits.UNAVAILABLE
    except BackendRefused as error:
        note(str(error))
        return exits.CONFIG
