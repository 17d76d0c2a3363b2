"""What happened to every job of a run, and what is broken about it. Pure.

The rules are the project's promise: each accepted job ends delivered, waiting or as a dead letter;
a job comes twice only when a process (or a connection) died while it held it, and then under the
same delivery id; it comes to its own endpoint; an interruption costs no attempt; a FIFO group keeps
its order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

#: Names told of one fault; the others are counted.
_TOLD: Final = 5
#: A request without an answer is given up after 10 s, less what its arrival was late by. Whoever
#: sends the job again sooner has not given it up: it was interrupted. No receiver of a scenario
#: breaks a connection by itself.
GIVEN_UP_SECONDS: Final = 9.5


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the receiver saw.

    Attributes:
        job: The job's name: its event's channel.
        endpoint: Path.
        delivery_id: ``X-Sockq-Delivery-Id``.
        attempt: ``X-Sockq-Attempt``.
        status: What was to be answered, decided at its arrival; 0: nothing.
        at: Monotonic seconds of its arrival.
        answered: The answer went out, and the connection was still there.
    """

    job: str
    endpoint: str
    delivery_id: str
    attempt: int
    status: int
    at: float
    answered: bool = False

    @property
    def came(self) -> bool:
        """Whether the receiver took it, whoever may have heard of that."""
        return 200 <= self.status < 300

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it and said so; the sender may have died before it read it."""
        return self.came and self.answered


@dataclass(frozen=True, slots=True)
class Interruption:
    """A process or a connection that ended while it held jobs.

    Attributes:
        what: ``w01`` or ``redis``.
        in_flight: The most jobs that it can have held.
        at: Monotonic seconds.
        pid: Of a process of the fleet; 0: it was none.
    """

    what: str
    in_flight: int
    at: float
    pid: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All that is known after a run.

    Attributes:
        accepted: Jobs that the backend took, each with the monotonic time of the offer, in order.
        uncertain: Jobs whose writing failed: they may be there or not.
        requests: What the receiver saw, in order of arrival.
        dead: Dead letters: job and reason.
        queued: Jobs that the queue still holds, in any state.
        interruptions: In any order.
        groups: Job to FIFO group, where order is promised.
        endpoints: Job to the path that it belongs to, where one is known.
    """

    accepted: Mapping[str, float]
    requests: Sequence[Request] = ()
    dead: Sequence[tuple[str, str]] = ()
    queued: Sequence[str] = ()
    uncertain: frozenset[str] = frozenset()
    interruptions: Sequence[Interruption] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed_repeats(self) -> int:
        """Jobs that were in flight where something died."""
        return sum(one.in_flight for one in self.interruptions)

    @property
    def most_repeats(self) -> int:
        """How often one job can have been in flight where something died."""
        return sum(one.in_flight > 0 for one in self.interruptions)


def find_faults(history: History) -> list[str]:
    """Everything that breaks the promise, a line each; empty: nothing does."""
    return [
        *_lost(history),
        *_invented(history),
        *_misrouted(history),
        *_repeated(history),
        *_renamed(history),
        *_charged(history),
        *_disordered(history),
    ]


def delivered(history: History) -> set[str]:
    """Jobs that some endpoint took and said so."""
    return {one.job for one in history.requests if one.delivered}


def lost(history: History) -> list[str]:
    """Accepted jobs that are nowhere."""
    found = delivered(history) | {job for job, _ in history.dead} | set(history.queued)
    return [job for job in history.accepted if job not in found]


def repeats(history: History) -> int:
    """How often a job came to one end too many: taken again, or also dead, or also queued."""
    return sum(_again(history).values())


def _again(history: History) -> Counter[tuple[str, str]]:
    """The same by job and endpoint; those that are dead or queued have none."""
    again: Counter[tuple[str, str]] = Counter()
    again.update((one.job, one.endpoint) for one in history.requests if one.came)
    dead, queued = Counter(job for job, _ in history.dead), Counter(history.queued)
    for job, count in (*dead.items(), *queued.items()):
        again[job, ""] += count
    # one end is as it should be; that of a delivered job is its delivery
    first = again.keys() - {(job, "") for job in delivered(history)}
    return again - Counter(first)


def _lost(history: History) -> Iterator[str]:
    if missing := lost(history):
        yield f"lost: {_some(missing)}"


def _invented(history: History) -> Iterator[str]:
    known = history.accepted.keys() | history.uncertain
    seen = [one.job for one in history.requests]
    seen += [job for job, _ in history.dead]
    seen += history.queued
    if strange := [job for job in dict.fromkeys(seen) if job not in known]:
        yield f"never accepted: {_some(strange)}"


def _misrouted(history: History) -> Iterator[str]:
    strange = [
        f"{one.job} (to {one.endpoint})"
        for one in history.requests
        if one.endpoint != history.endpoints.get(one.job, one.endpoint)
    ]
    if strange:
        yield f"to another's endpoint: {_some(strange)}"


def _repeated(history: History) -> Iterator[str]:
    again, allowed = repeats(history), history.allowed_repeats
    if again > allowed:
        came = Counter((one.job, one.endpoint) for one in history.requests if one.came)
        most = [f"{job} ({count}x)" for (job, _), count in came.most_common() if count > 1]
        dead = {job for job, _ in history.dead}
        most += [f"{job} (delivered and dead)" for job in sorted(delivered(history) & dead)]
        yield f"repeated {again} times, {allowed} were in flight: {_some(most)}"
        return
    often = [job for (job, _), count in _again(history).items() if count > history.most_repeats]
    if often:
        yield f"repeated more often than something died: {_some(often)}"


def _renamed(history: History) -> Iterator[str]:
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    jobs: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in history.requests:
        ids[one.job, one.endpoint].add(one.delivery_id)
        jobs[one.delivery_id].add((one.job, one.endpoint))
    if several := [job for (job, _), names in ids.items() if len(names) > 1]:
        yield f"another delivery id when sent again: {_some(several)}"
    if shared := [name for name, owners in jobs.items() if len(owners) > 1]:
        yield f"one delivery id for several deliveries: {_some(shared)}"


def _charged(history: History) -> Iterator[str]:
    """An attempt counts requests that failed, not those that were interrupted."""
    deliveries: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for one in history.requests:
        deliveries[one.job, one.endpoint].append(one)
    charged = []
    for tries in deliveries.values():
        failures = 0
        for one, after in zip(tries, [*tries[1:], None], strict=True):
            if not 1 <= one.attempt <= 1 + failures:
                charged.append(f"{one.job} (attempt {one.attempt})")
            failures += _failed(one, after)
    if charged:
        yield f"an attempt was charged without a failure: {_some(charged)}"


def _failed(one: Request, after: Request | None) -> bool:
    """Whether the worker that sent ``one`` may have seen it fail, before the job came again."""
    if one.status and one.answered:
        return not one.came
    return after is not None and after.at - one.at >= GIVEN_UP_SECONDS


def _disordered(history: History) -> Iterator[str]:
    place = {job: number for number, job in enumerate(history.accepted)}
    last: dict[str, int] = {}
    seen: set[str] = set()
    wrong = []
    for one in history.requests:
        group = history.groups.get(one.job)
        if group is None or not one.delivered or one.job in seen or one.job not in place:
            continue
        seen.add(one.job)
        if place[one.job] < last.get(group, -1):
            wrong.append(f"{one.job} (group {group})")
        last[group] = max(last.get(group, -1), place[one.job])
    if wrong:
        yield f"out of order: {_some(wrong)}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_TOLD])
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return f"{len(names)}: {shown}{more}"
