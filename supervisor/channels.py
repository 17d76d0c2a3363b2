"""What the children say, and what the janitor is told: the parent's side of all channels."""

from __future__ import annotations

import json
import selectors
import time
from collections.abc import Callable

from sockq.supervisor.member import Member, Role
from sockq.supervisor.process import Process
from sockq.supervisor.reclaims import Reclaims
from sockq.workers.channel_words import READY
from sockq.workers.logs import Event, Log


class Channels:
    """Watches channels and pidfds in the parent's selector."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        reclaims: Reclaims,
        log: Log,
        look: Callable[[Member, float], None],
    ) -> None:
        """``look`` is called with the member and the time when its board is worth a look."""
        self._selector = selector
        self._reclaims = reclaims
        self._log = log
        self._look = look

    def watch(self, member: Member, process: Process) -> None:
        """Listen to a new process."""
        self._selector.register(
            process.channel, selectors.EVENT_READ, lambda _mask: self.hear(member, process)
        )
        if process.pidfd is not None:
            # Only wakes the loop, which reaps in every pass.
            self._selector.register(process.pidfd, selectors.EVENT_READ, lambda _mask: None)

    def release(self, process: Process) -> None:
        """A process was reaped: stop listening, close."""
        for watched in (process.channel, process.pidfd):
            if watched is not None and watched in self._selector.get_map():
                self._selector.unregister(watched)
        process.close()

    def hear(self, member: Member, process: Process) -> None:
        """Read what there is; for one that has ended, these are its last words."""
        if process.channel.fileno() < 0:
            return
        process.channel.flush()
        if member.role is Role.JANITOR:
            for line in process.channel.receive_lines():
                self._hear_janitor(member, process, line)
        else:
            letters = process.channel.receive()
            if READY in letters:
                self._ready(member, process)
            if letters:
                self._look(member, time.monotonic())
        self._interest(process)

    def tell_reclaims(self, janitor: Member) -> None:
        """Tell the janitor of dead owners that it does not know of yet."""
        process = janitor.process
        if process is None or not process.ready or not process.channel.open:
            return
        for owner, line in self._reclaims.to_tell():
            if not process.channel.send(line):
                break
            self._reclaims.told(owner)
        self._interest(process)

    def _hear_janitor(self, member: Member, process: Process, line: bytes) -> None:
        try:
            said = json.loads(line)
            owner = said.get("reclaimed")
            if said.get("ready"):
                self._ready(member, process)
                self._look(member, time.monotonic())
            elif owner is not None and self._reclaims.done(owner):
                self._log.info(Event.RECLAIMED, owner=owner, jobs=said.get("jobs"))
        except (ValueError, AttributeError, TypeError) as error:
            self._log.error(Event.PARENT_FAULT, name=member.name, error=repr(error))

    def _ready(self, member: Member, process: Process) -> None:
        if process.ready:
            return
        process.ready = True
        took = (time.monotonic() - process.started) * 1000
        self._log.info(
            Event.PROCESS_READY, name=member.name, pid=process.pid, after_ms=round(took, 1)
        )

    def _interest(self, process: Process) -> None:
        """Watch for room only while something waits for it; stop watching at EOF."""
        channel = process.channel
        key = self._selector.get_map().get(channel)
        if key is None:
            return
        if not channel.open:
            self._selector.unregister(channel)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.wants_write else 0)
        if events != key.events:
            self._selector.modify(channel, events, key.data)
