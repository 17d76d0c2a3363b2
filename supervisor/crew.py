"""All places of the fleet, and the steps that carry out what their state machines ask for.

Every step that concerns one child is wrapped: whatever goes wrong with one never stops the others.
"""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sockq.drivers.settings import MemorySettings
from sockq.supervisor import board_words
from sockq.supervisor.channel import Channel
from sockq.supervisor.fleet import BrokerContext, FleetSettings, HttpContext, JanitorContext
from sockq.supervisor.member import Member, Role
from sockq.supervisor.owners import Known, OwnersFile, remember, start_time
from sockq.supervisor.process import Process
from sockq.supervisor.spawn import ChildSetup, SpawnError, spawn
from sockq.workers.board import PID
from sockq.workers.board_memory import Board
from sockq.workers.logs import Event, Log

_OOM_SCORES: Final = {Role.BROKER: 0, Role.JANITOR: 100, Role.HTTP: 200, Role.WORKER: 300}
_HELPER_WORDS: Final = 64


class Crew:
    """HTTP (unless it is off), broker (memory only), janitor and workers.

    Attributes:
        workers: One per slot of the board, wanted or not.
        helpers: In the order of their start; they end in the opposite one.
    """

    def __init__(
        self,
        settings: FleetSettings,
        board: Board,
        owners: OwnersFile,
        prefix: str,
        log: Log,
        parent_fds: Callable[[], Iterator[int]],
    ) -> None:
        self._settings = settings
        self._board = board
        self._owners = owners
        self._prefix = prefix
        self._log = log
        self._parent_fds = parent_fds
        self.janitor = self._helper(Role.JANITOR, board_words.JANITOR_AT)
        self.broker = self._helper(Role.BROKER, board_words.BROKER_AT)
        self.http = self._helper(Role.HTTP, board_words.HTTP_AT)
        self.helpers = [self.janitor]
        if isinstance(settings.driver, MemorySettings):
            self.helpers.insert(0, self.broker)
        if settings.http is not None:
            self.helpers.insert(0, self.http)
        self.workers = [
            Member(
                Role.WORKER,
                index,
                board.parent_words(index),
                board.parent_text(index),
                board.slot(index),
                settings.limits,
                settings.restart,
                random.random,
            )
            for index in range(board.slots)
        ]

    def __iter__(self) -> Iterator[Member]:
        yield from self.helpers
        yield from self.workers

    def adopt(self, settings: FleetSettings) -> None:
        """Workers that start from now on get these settings, limits and soak, and nothing else."""
        self._settings = replace(
            self._settings,
            worker=settings.worker,
            recycle=settings.recycle,
            soak_seconds=settings.soak_seconds,
        )

    @property
    def settings(self) -> FleetSettings:
        """What new workers get."""
        return self._settings

    def by_pid(self, pid: int) -> Member | None:
        """Whose process it is; None: not ours."""
        return next((one for one in self if one.process and one.process.pid == pid), None)

    def known(self) -> list[Known]:
        """The processes that run, as the owners' file remembers them."""
        return [
            Known(one.process.pid, start_time(one.process.pid) or 0, one.process.owner)
            for one in self
            if one.process is not None
        ]

    def launch(self, member: Member, now: float) -> Process | None:
        """Fork the member's next process; None when the machine has none to give (logged)."""
        member.before_start()
        owner = f"{self._prefix}:{member.name}.g{member.generation}"
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            self._log.error(Event.FORK_FAILED, name=member.name, error=error.strerror)
            return None
        theirs.setblocking(False)  # noqa: FBT003 - the socket module's own name
        setup = ChildSetup(
            name=f"sockq:{member.name}",
            close_fds=(ours.fileno(), *self._parent_fds(), *self._sibling_fds(member)),
            oom_score_adj=_OOM_SCORES[member.role],
            death_signal=signal.SIGKILL if self._settings.kill_with_parent else signal.SIGTERM,
            stack_fd=member.last_words.fd if member.last_words is not None else None,
        )
        try:
            pid = spawn(self._body(member, owner, theirs), setup)
        except (OSError, SpawnError) as error:
            self._log.error(Event.FORK_FAILED, name=member.name, error=str(error))
            ours.close()
            return None
        finally:
            theirs.close()
        process = Process(
            pid, Channel(ours), owner=owner, generation=member.generation, started=now
        )
        member.started(process)
        return process

    def _helper(self, role: Role, at: int) -> Member:
        words = self._board.header[at : at + _HELPER_WORDS]
        rules = self._settings
        return Member(role, 0, words, None, None, rules.limits, rules.restart, random.random)

    def _sibling_fds(self, one: Member) -> Iterator[int]:
        for member in self:
            if member.process is not None:
                yield from member.process.fds
            if member.last_words is not None and member is not one:
                yield member.last_words.fd

    def _body(self, member: Member, owner: str, channel: socket.socket) -> Callable[[], int]:
        settings, board, owners_fd = self._settings, self._board, self._owners.fd

        def begin() -> None:
            remember(owners_fd, owner)
            os.close(owners_fd)

        def worker() -> int:
            from sockq.workers.process import WorkerContext  # noqa: PLC0415 - preloaded

            begin()
            slot = board.slot(member.index)
            slot.words[PID] = os.getpid()
            context = WorkerContext(
                index=member.index,
                owner=owner,
                driver=settings.driver,
                settings=settings.for_workers,
                slot=slot,
                channel=channel,
                silence_seconds=settings.limits.silence_seconds,
                boot_silence_seconds=settings.limits.boot_silence_seconds,
                kill_with_parent=settings.kill_with_parent,
                deaths=board.deaths,
                disabled=board.disabled,
            )
            return settings.worker_main(context)

        def janitor() -> int:
            begin()
            context = JanitorContext(
                settings.driver, board, channel, settings.directory, settings.heartbeat_seconds
            )
            return settings.janitor_main(context)

        def broker() -> int:
            begin()
            assert isinstance(settings.driver, MemorySettings)
            return settings.broker_main(BrokerContext(settings.driver, channel))

        def http() -> int:
            begin()
            assert settings.http is not None
            context = HttpContext(settings.http, settings.directory, board, channel)
            return settings.http_main(context)

        bodies = {Role.WORKER: worker, Role.JANITOR: janitor, Role.BROKER: broker, Role.HTTP: http}
        return bodies[member.role]
