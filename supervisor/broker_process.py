"""The process that holds the memory queue (``queue.driver = memory``)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from sockq.drivers.errors import BackendRefused
from sockq.drivers.memory_broker import serve
from sockq.supervisor.fleet import BrokerContext
from sockq.workers import exits
from sockq.workers.channel_words import READY
from sockq.workers.lifeline import Lifeline


def run_broker(context: BrokerContext) -> int:
    """Serve until the parent ends the channel; returns the exit code.

    TERM alone does not end it while the parent lives: a service manager may send TERM to the whole
    group at once, and the workers still need the queue to give back what they hold.
    """
    try:
        asyncio.run(_serve(context))
    except BackendRefused as error:
        sys.stderr.write(f"sockq: {error}\n")
        return exits.CONFIG
    return exits.OK


async def _serve(context: BrokerContext) -> None:
    loop = asyncio.get_running_loop()
    lifeline = Lifeline()
    stop = asyncio.Event()

    def heard() -> None:
        with contextlib.suppress(BlockingIOError):
            if not context.channel.recv(4096):
                loop.remove_reader(context.channel)
                lifeline.channel_ended()
                stop.set()

    def told_to_end() -> None:
        if lifeline.is_cut():
            lifeline.leave()
            stop.set()

    def ready() -> None:
        context.channel.send(READY)

    loop.add_signal_handler(signal.SIGTERM, told_to_end)
    loop.add_reader(context.channel, heard)
    settings = context.settings
    await serve(
        settings.socket_path,
        settings.capacity,
        settings.lease.lease_seconds,
        stop,
        ready,
    )
