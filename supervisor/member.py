"""One place of the fleet: its state machine, its process, its words on the board."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from enum import StrEnum

from sockq.supervisor.board_words import (
    HTTP_BEAT_NS,
    JANITOR_BEAT_NS,
    PROCESS_CRASHES,
    PROCESS_DEATHS,
    PROCESS_GENERATION,
    PROCESS_LAST_CAUSE,
    PROCESS_LAST_END_NS,
    PROCESS_LAST_EXIT,
    PROCESS_LAST_MAXRSS_BYTES,
    PROCESS_NEXT_START_NS,
    PROCESS_PID,
    PROCESS_RESTARTS,
    PROCESS_RESTARTS_BY_CAUSE,
    PROCESS_STARTED_NS,
    PROCESS_STATE,
    PROCESS_STATE_SINCE_NS,
    PROCESS_WANTED,
)
from sockq.supervisor.last_words import LastWords
from sockq.supervisor.process import Process
from sockq.supervisor.restart import COUNTED, Backoff, Cause, Exit, RestartSettings
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import RUNNING, SERVING, Actions, SlotLimits, SlotState
from sockq.workers.board import BEAT_NS, FETCH_OK_NS, NS, SETTLED, STATE, SlotWriter, WorkerState
from sockq.workers.board_memory import Board
from sockq.workers.seqlock import write_text


class Role(StrEnum):
    """What a child does."""

    BROKER = "broker"
    JANITOR = "janitor"
    HTTP = "http"
    WORKER = "worker"


class Member:
    """A worker's slot or a helper, over all its processes.

    Attributes:
        role: What it is.
        index: Number of the slot; 0 for helpers.
        name: ``w03``, ``janitor``: in logs and as the process name.
        slot: The state machine.
        backoff: Its brake.
        process: The child that runs now, or None.
        writer: The worker's part of the board, or None for helpers.
        generation: Processes so far.
        deaths: Ends so far.
        faulty: Generation of the last process whose end spoke against the code or its
            configuration; 0: none did.
        ever_ready: Some process of it was ready.
        proven: The process that runs now counts as a success.
        last_words: Where a worker's stacks go; None until the first start, and for helpers.
        recycled: The process that runs now is to be replaced by a fresh one.
    """

    def __init__(
        self,
        role: Role,
        index: int,
        words: memoryview,
        text: memoryview | None,
        writer: SlotWriter | None,
        limits: SlotLimits,
        restart: RestartSettings,
        chance: Callable[[], float],
    ) -> None:
        self.role = role
        self.index = index
        self.name = f"w{index:02d}" if role is Role.WORKER else role.value
        self.slot = Slot(limits)
        self.backoff = Backoff(restart, chance)
        self.process: Process | None = None
        self.writer = writer
        self.generation = 0
        self.deaths = 0
        self.faulty = 0
        self.ever_ready = False
        self.last_words: LastWords | None = None
        self.proven = self.recycled = False
        self._words = words
        self._text = text
        self._settled_before = 0
        self._shown: tuple[object, ...] = ()

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.slot.state in RUNNING

    def started(self, process: Process) -> None:
        """A process exists. The board remembers it from now on."""
        self.process = process
        self.proven = self.recycled = False
        self._words[PROCESS_STARTED_NS] = time.monotonic_ns()
        if self.generation > 1:
            self._words[PROCESS_RESTARTS] += 1
            self._words[PROCESS_RESTARTS_BY_CAUSE + self._words[PROCESS_LAST_CAUSE]] += 1

    def quiet_seconds(self, now: float) -> float:
        """For how long it has not beaten; infinite where it need not."""
        if self.writer is None:
            return math.inf
        return now - self.writer.words[BEAT_NS] / NS

    @property
    def says_ready(self) -> bool:
        """Whether the worker itself says that nothing keeps it from claiming."""
        return self.writer is not None and self.writer.words[STATE] == WorkerState.READY

    @property
    def serving(self) -> bool:
        """Whether its process is ready (or was, and is looked at)."""
        return self.slot.state in SERVING

    def before_start(self) -> None:
        """A fork is about to be tried: count the generation, clear the worker's gauges."""
        self.generation += 1
        if self.writer is not None:
            self.writer.reset(self.generation)
            with contextlib.suppress(OSError):  # no descriptor to be had: a start without it
                if self.last_words is None:
                    self.last_words = LastWords()
                self.last_words.reset()
            self._settled_before = self.writer.words[SETTLED]

    def observe(self, now: float, board: Board) -> Actions:
        """Look at the board, and tell the state machine."""
        if self.process is None:
            return ()
        if self.writer is not None:
            words = self.writer.words
            state, beat = words[STATE], words[BEAT_NS] / NS
            worker = WorkerState(state) if state in _WORKER_STATES else WorkerState.UNSET
            if not self.process.ready:
                return ()
            if worker in (WorkerState.UNSET, WorkerState.BOOTING):
                worker = WorkerState.READY
        else:
            if not self.process.ready:
                return ()
            worker = WorkerState.READY
            beat = self._helper_beat(now, board)
        was = self.slot.ready_at
        actions = self.slot.observed(now, worker, beat)
        if was is None and self.slot.ready_at is not None:
            self.ever_ready = True
        return actions

    def _helper_beat(self, now: float, board: Board) -> float:
        match self.role:
            case Role.JANITOR:
                return float(board.queue[JANITOR_BEAT_NS] / NS)
            case Role.HTTP:
                return float(board.header[HTTP_BEAT_NS] / NS)
            case _:
                return now  # the broker has no word on the board

    def settled(self) -> bool:
        """Whether the process that runs, or ran last, settled a job."""
        return self.jobs > 0

    @property
    def jobs(self) -> int:
        """How many it settled."""
        return self.writer.words[SETTLED] - self._settled_before if self.writer else 0

    def progressed(self) -> bool:
        """Whether it settled a job, or the backend answered it; helpers do by being ready."""
        if self.writer is None:
            return self.slot.ready_at is not None
        return self.settled() or self.writer.words[FETCH_OK_NS] > 0

    def ended(self, now: float, cause: Cause, end: Exit, maxrss_bytes: int) -> None:
        """The process is gone: note how."""
        self.process = None
        self.deaths += 1
        if cause in COUNTED or cause is Cause.CONFIG:
            self.faulty = self.generation
        words = self._words
        words[PROCESS_DEATHS] = self.deaths
        words[PROCESS_LAST_CAUSE] = cause
        words[PROCESS_LAST_EXIT] = end.word
        words[PROCESS_LAST_END_NS] = int(now * NS)
        words[PROCESS_LAST_MAXRSS_BYTES] = maxrss_bytes

    def tell(self, text: str) -> None:
        """Have the board say how the last process ended."""
        if self._text is not None:
            write_text(self._text, text)

    def publish(self) -> None:
        """Bring the parent's words of this place up to date, when anything changed."""
        slot, process = self.slot, self.process
        pid = process.pid if process else 0
        show = (slot.state, slot.since, slot.deadline, pid, self.backoff.crashes, slot.wanted)
        if show == self._shown:
            return
        self._shown = show
        words = self._words
        words[PROCESS_PID] = pid
        words[PROCESS_GENERATION] = self.generation
        words[PROCESS_STATE] = slot.state
        words[PROCESS_STATE_SINCE_NS] = int(slot.since * NS)
        words[PROCESS_CRASHES] = self.backoff.crashes
        words[PROCESS_WANTED] = slot.wanted
        waits = slot.state in (SlotState.BACKOFF, SlotState.HELD) and slot.deadline is not None
        words[PROCESS_NEXT_START_NS] = int((slot.deadline or 0.0) * NS) if waits else 0


_WORKER_STATES = frozenset(WorkerState)
