"""What an action of a slot's state machine means for its process."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from sockq.supervisor.member import Member, Role
from sockq.supervisor.process import Process
from sockq.supervisor.slot_states import Action
from sockq.supervisor.stacks import STACK_SIGNAL, ask_main_thread
from sockq.workers.channel_words import DRAIN, RECYCLE
from sockq.workers.logs import Event, Log


def carry_out(member: Member, actions: Iterable[Action], log: Log) -> None:
    """Do ``actions`` to the member's process; a fault is logged and never goes further.

    START is not among them: it is the caller's.
    """
    process = member.process
    if process is None:
        return
    for action in actions:
        try:
            _one(member, process, action, log)
        except Exception as error:
            log.write("error", Event.PARENT_FAULT, {"name": member.name, "error": repr(error)})


def _one(member: Member, process: Process, action: Action, log: Log) -> None:
    who = {"name": member.name, "pid": process.pid}
    match action:
        case Action.DRAIN if member.role is Role.WORKER:
            process.channel.send(RECYCLE if member.recycled else DRAIN)
            process.signal(signal.SIGTERM)
        case Action.DRAIN:
            # A helper finishes what it was told and leaves at EOF; one that boots need not finish.
            process.channel.end()
            if not process.ready:
                process.signal(signal.SIGTERM)
        case Action.DUMP:
            log.warning(Event.PROCESS_SILENT, **who, state=member.slot.before_suspect.name.lower())
            ask_main_thread(process.pid, signal.SIGUSR2)
            if member.last_words is not None and STACK_SIGNAL is not None:
                ask_main_thread(process.pid, STACK_SIGNAL)
        case Action.KILL:
            log.warning(Event.PROCESS_KILLED, **who, why=_why(member))
            process.signal(signal.SIGKILL)
        case Action.STUCK:
            log.error(Event.PROCESS_STUCK, **who)
        case Action.START | Action.LOOK:
            raise AssertionError("no action on a process: the caller's")


def _why(member: Member) -> str:
    if member.slot.frozen:
        return "stopped for too long"
    return "silent" if member.slot.hung else "time is up"
