"""One worker: claims jobs, plans their deliveries, sends them, settles them.

The path of a job has no task and no future of its own: ``dispatcher.py`` runs from the claim, all
after it from the engine's callbacks, and the settlement is collected with others.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from functools import partial

from sockq.drivers.errors import BackendRefused, SockqError
from sockq.drivers.job import Settlement
from sockq.drivers.source import Driver, Source
from sockq.workers import board
from sockq.workers.app_directory import AppDirectory
from sockq.workers.board import SlotWriter, WorkerState
from sockq.workers.claimer import Claimer, Room
from sockq.workers.deaths import Deaths
from sockq.workers.desk import Desk
from sockq.workers.disabled import DisabledList
from sockq.workers.dispatcher import Dispatcher
from sockq.workers.journal import Journal
from sockq.workers.orders import Orders
from sockq.workers.outage import Outage, Recovery
from sockq.workers.senders import Senders
from sockq.workers.settings import WorkerSettings
from sockq.workers.settler import Settler
from sockq.workers.tally import Tally
from sockq.workers.unix_clock import unix_ms
from sockq.workers.worker_log import WorkerLog

#: What is unanswered goes back this long before the drain deadline, so that it is settled in time.
GIVE_BACK_SECONDS = 0.5
#: … but not sooner than this share of a short drain.
GIVE_BACK_SHARE = 0.35
#: A settlement has at least this long, even when the deadline has passed.
LAST_SETTLE_SECONDS = 0.1
#: A claim whose answer is on its way is let finish; one that only waits is cancelled.
CLAIM_GRACE_SECONDS = 0.1
#: Apps that are asked for when a drain begins have this long to be found.
LOOK_UP_GRACE_SECONDS = 1.0


@dataclass(slots=True)
class _SourceWork:
    """Everything that belongs to one source."""

    source: Source
    claimer: Claimer
    settler: Settler
    outage: Outage
    claiming: asyncio.Task[None]
    settling: asyncio.Task[None]
    keeping: asyncio.Task[None]


class Worker:
    """The jobs of one process, from claim to settlement.

    Args:
        driver: Opened by the caller, closed by the caller.
        settings: Limits and times.
        apps: Where apps are looked up.
        owner: The name that leases are taken under.
        slot: The worker's part of the board.
        log: Where events go.
        deaths: How workers died lately; None: nobody keeps that.
        disabled: The endpoints that the operator has disabled; None: nobody keeps that.
    """

    def __init__(
        self,
        driver: Driver,
        settings: WorkerSettings,
        apps: AppDirectory,
        owner: str,
        slot: SlotWriter,
        log: WorkerLog,
        deaths: Deaths | None = None,
        disabled: DisabledList | None = None,
    ) -> None:
        self._settings = settings
        self._slot = slot
        self._words = slot.words
        self._log = log
        self._room = Room(settings.in_flight)
        self._engine = Senders(settings.engine, asyncio.get_running_loop())
        self._orders = Orders(disabled, self._engine)
        self._tally = Tally(slot, self._engine, settings.in_flight)
        self._journal = Journal(slot.journal)
        self._dispatcher = Dispatcher(
            apps,
            settings.unknown_app_grace_seconds,
            self._engine,
            slot,
            log,
            self._journal,
            deaths,
            self._hold,
        )
        self._paused = False
        self._recovery = Recovery()
        self._end = self._give_back_at = math.inf
        self._sources = [self._open(source, owner) for source in driver.sources]

    def _open(self, source: Source, owner: str) -> _SourceWork:
        outage = Outage(
            self._recovery,
            on_down=lambda error: self._backend_down(source, error),
            on_up=lambda seconds: self._backend_up(source, seconds),
        )
        lease_seconds = self._settings.lease_seconds
        settler = Settler(source, lease_seconds, outage, self._settled, self._log.lease_lost)
        desk = Desk(settler, self._words, self._tally.meter, self._log, source.name, self._journal)
        claimer = Claimer(
            source,
            owner,
            lease_seconds,
            self._room,
            outage,
            start=partial(self._dispatcher.start, source.dialect, settler, desk),
            on_answer=self._answered,
        )
        spawn = asyncio.get_running_loop().create_task
        return _SourceWork(
            source,
            claimer,
            settler,
            outage,
            claiming=spawn(claimer.run(), name=f"claim {source.name}"),
            settling=spawn(settler.run(), name=f"settle {source.name}"),
            keeping=spawn(settler.keep_alive(), name=f"extend {source.name}"),
        )

    # --- what the process tells it

    def pause(self) -> None:
        """Claim nothing more; what is held goes on."""
        self._paused = True
        for one in self._sources:
            one.claimer.pause()
        self.show()

    def resume(self) -> None:
        """Claim again."""
        self._paused = False
        for one in self._sources:
            one.claimer.resume()
        self.show()

    def obey(self) -> None:
        """Look whether the operator has disabled or enabled an endpoint."""
        self._orders.look()

    def show(self) -> None:
        """Write gauges, state and beat to the board."""
        unix_ms()  # a jump of the clock is seen only by whoever knew it before
        self._words[board.IN_FLIGHT] = self._room.held
        self._tally.show()
        if self._dispatcher.draining:
            state = WorkerState.DRAINING
        elif self._dispatcher.look_ups.watch_store() or any(w.outage.down for w in self._sources):
            state = WorkerState.DEGRADED
        elif self._paused:
            state = WorkerState.PAUSED
        else:
            state = WorkerState.READY
        self._slot.set_state(state)
        self._slot.beat()

    def show_endpoints(self) -> None:
        """Write the table of endpoints to the board."""
        self._tally.show_endpoints()

    async def watch(self) -> None:
        """Run until one of the worker's tasks fails; raises what it raised. Cancel to stop."""
        tasks = [t for one in self._sources for t in (one.claiming, one.settling, one.keeping)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    # --- from the claim to the engine

    def _answered(self) -> None:
        self._words[board.FETCH_OK_NS] = time.monotonic_ns()

    def _hold(self, held: bool) -> None:
        for one in self._sources:
            one.claimer.hold(held=held)

    # --- from the settler

    def _settled(self, batch: list[Settlement], results: list[bool]) -> None:
        self._room.give(len(batch))
        self._journal.settled(batch)
        if not all(results):
            for settlement, ours in zip(batch, results, strict=True):
                if not ours:
                    self._log.lease_lost(settlement.lease)
        self._tally.settled(batch, results, self._dispatcher.filtered)

    def _backend_down(self, source: Source, error: SockqError) -> None:
        self._words[board.BACKEND_ERRORS] += 1
        self._words[board.BACKEND_DOWN_SINCE_NS] = time.monotonic_ns()
        self._slot.set_text(str(error))
        others = [one for one in self._sources if one.source is not source and one.outage.down]
        if not others or isinstance(error, BackendRefused):
            self._log.backend_down(source.name, error)
        self.show()

    def _backend_up(self, source: Source, seconds: float) -> None:
        if not any(one.outage.down for one in self._sources):
            self._words[board.BACKEND_DOWN_SINCE_NS] = 0
            self._slot.set_text("")
            self._log.backend_up(source.name, seconds)
        self.show()

    # --- the end

    async def drain(self, deadline: float) -> bool:
        """Stop claiming, finish what is on the wire, give the rest back, settle everything.

        Args:
            deadline: ``time.monotonic()`` by which all must be over.

        Returns:
            True when everything in flight came to its own end; False when the deadline cut it.
        """
        self.hurry(deadline)
        self._dispatcher.draining = True
        self.show()
        await self._stop_claiming()
        for request in [*self._dispatcher.solo.stop(), *self._engine.take_waiting()]:
            request.unsent()
        clean = await self._finish_in_flight()
        if not clean:
            for request in self._engine.abandon():
                request.unsent()
        for one in self._sources:
            one.settler.close()
        await self._await_settled()
        unsettled = sum(one.settler.held for one in self._sources)
        if unsettled:
            self._log.unsettled(unsettled)
        await self._close()
        return clean and not unsettled

    def hurry(self, deadline: float) -> None:
        """A drain that goes on, or comes, has to be over by then. It is never put off."""
        if deadline >= self._end:
            return
        self._end = deadline
        left = deadline - time.monotonic()
        self._give_back_at = deadline - min(GIVE_BACK_SECONDS, GIVE_BACK_SHARE * left)

    async def _stop_claiming(self) -> None:
        for one in self._sources:
            one.claimer.pause()
        claiming = [one.claiming for one in self._sources]
        if claiming:
            await asyncio.wait(claiming, timeout=CLAIM_GRACE_SECONDS)
        for task in claiming:
            task.cancel()
        await asyncio.gather(*claiming, return_exceptions=True)
        left = self._give_back_at - time.monotonic()
        within = max(0.0, min(LOOK_UP_GRACE_SECONDS, left))
        await self._dispatcher.look_ups.stop(within=within)

    async def _finish_in_flight(self) -> bool:
        while self._engine.in_flight or self._engine.waiting:
            if time.monotonic() >= self._give_back_at:
                return False
            await asyncio.sleep(0.02)
            self.show()
            for request in self._engine.take_waiting():
                request.unsent()
        return True

    async def _await_settled(self) -> None:
        settling = [one.settling for one in self._sources]
        least = time.monotonic() + LAST_SETTLE_SECONDS
        while any(not task.done() for task in settling):
            left = max(self._end, least) - time.monotonic()
            if left <= 0:
                return
            # in steps, because the end may come nearer
            await asyncio.wait(settling, timeout=min(LAST_SETTLE_SECONDS, left))

    async def _close(self) -> None:
        tasks = [t for one in self._sources for t in (one.settling, one.keeping)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tally.show()
        self._tally.show_endpoints()
        await self._engine.close()
