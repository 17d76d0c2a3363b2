"""From successive documents to a picture: keeps the history, adds up the hosts. Pure, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sockq.supervisor.screen_history import ENDED, OUTCOME, RATE_SECONDS, History
from sockq.supervisor.screen_items import endpoints_of, workers_of
from sockq.supervisor.screen_latency import latencies
from sockq.supervisor.screen_picture import (
    Curve,
    Event,
    Item,
    Picture,
    Rates,
    Reading,
    common_state,
    parse_event,
)
from sockq.supervisor.status_words import Condition

_COUNTS: Final = ("ready", "leased", "delayed", "dead", "evicted", "trimmed")


class Model:
    """Remembers what it has seen of each source."""

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}

    def take(self, readings: Sequence[Reading]) -> Picture:
        """Take in what the sources gave, and say what is to be shown."""
        for one in readings:
            if not one.age_seconds:
                self._history(one).take(one.document)
        several = len(readings) > 1
        there = [one for one in readings if not one.lost]
        queue, sources = _queues(there)
        return Picture(
            state=common_state(readings),
            readings=tuple(readings),
            at=max((float(one.document.get("at") or 0.0) for one in readings), default=0.0),
            problems=_problems(readings),
            queue=queue,
            sources=sources,
            totals=_sum(one.document.get("totals") or {} for one in there),
            rates=self._rates(there),
            outcomes=self._outcomes(there),
            latencies=latencies([self._history(one) for one in there], there),
            workers=[
                worker
                for one in readings
                for worker in workers_of(one, self._history(one), several=several)
            ],
            endpoints=self._endpoints(readings, several=several),
            events=_events(readings, several=several),
            wanted=_total(there, "workers_wanted"),
            serving=_total(there, "workers_serving"),
            curve=self._curve_of([self._history(one) for one in there]),
        )

    def _history(self, reading: Reading) -> History:
        return self._histories.setdefault(reading.label, History())

    def _rates(self, readings: Sequence[Reading]) -> Rates:
        histories = [self._history(one) for one in readings]

        def rate(name: str) -> float | None:
            return _add(one.rate(name) for one in histories)

        def rise(name: str) -> float | None:
            return _add(one.rise(name) for one in histories)

        ok, attempts, failed, jobs = (
            rate("delivered"), rise(ENDED), rise("failed"), rise("delivered"),
        )  # fmt: skip
        retried, dead = rise("retried"), rise("dead")
        return Rates(
            ok=ok,
            errors=rate("failed"),
            arriving=_add(_arriving(one) for one in histories),
            error_percent=_share(failed, attempts),
            attempts_per_job=attempts / jobs if attempts and jobs else None,
            retried=None if retried is None else int(retried),
            dead=None if dead is None else int(dead),
        )

    def _outcomes(self, readings: Sequence[Reading]) -> dict[str, int]:
        """What came back within the last minute, by class; only what ever came."""
        found: Counter[str] = Counter()
        for one in readings:
            history = self._history(one)
            for name, ever in (one.document.get("outcomes") or {}).items():
                if ever:
                    found[name] += history.rise(OUTCOME + name) or 0
        return dict(found)

    def _endpoints(self, readings: Sequence[Reading], *, several: bool) -> list[Item] | None:
        """All endpoints; None when no document tells of any."""
        if not any("endpoints" in one.document for one in readings):
            return None
        return [
            endpoint
            for one in readings
            for endpoint in endpoints_of(one, self._history(one), several=several)
        ]

    def _curve_of(self, histories: Sequence[History]) -> Any:
        def curve(name: str, points: int, step: float) -> Curve:
            each = [
                one.waiting_curve(points, step)
                if name == "waiting"
                else one.curve(name, points, step)
                for one in histories
            ]
            return [_add(values) for values in zip(*each, strict=True)]

        return curve


def _arriving(history: History) -> float | None:
    """Jobs that came in a second: what left for good, and what the queue grew by."""
    first, last = history.before(RATE_SECONDS), history.latest
    if first is None or last is None or first.waiting is None or last.waiting is None:
        return None
    if last.at <= first.at:
        return None
    grown = last.waiting - first.waiting
    for name, sign in (("claimed", 1), ("released", -1), ("retried", -1), ("reclaimed", -1)):
        grown += sign * (last.counters.get(name, 0) - first.counters.get(name, 0))
    return max(0, grown) / (last.at - first.at)


def _queues(readings: Sequence[Reading]) -> tuple[Item, list[Item]]:
    """Counts of all queues. Hosts that share a backend see the same queue: the newest look counts.

    Only the memory queue is each host's own.
    """
    chosen: dict[object, Item] = {}
    for one in readings:
        document = one.document
        queue = document.get("queue")
        if not queue:
            continue
        own = document.get("driver") in ("memory", None)
        key = one.label if own else (document.get("driver"), document.get("queue_name"))
        before = chosen.get(key)
        if before is None or _sampled(queue) < _sampled(before):
            chosen[key] = queue
    each = list(chosen.values())
    ages = [one["oldest_seconds"] for one in each if one.get("oldest_seconds") is not None]
    counts: Item = {name: _add(one.get(name) for one in each) for name in _COUNTS}
    sources = [dict(source) for one in each for source in one.get("sources") or ()]
    if not each:
        return {}, []
    return {**counts, "oldest_seconds": max(ages, default=None)}, sources


def _sampled(queue: Mapping[str, Any]) -> float:
    age = queue.get("sampled_seconds")
    return float("inf") if age is None else float(age)


def _problems(readings: Sequence[Reading]) -> list[dict[str, str]]:
    several = len(readings) > 1
    found, silent = [], []
    for one in readings:
        if one.error and one.document.get("state") != Condition.UNKNOWN:
            text = f"{one.label}: {one.error}, {one.age_seconds:.0f}s old"
            silent.append({"kind": "lost" if one.lost else "late", "text": text})
        for problem in () if one.lost else one.document.get("problems") or ():
            text = f"{one.host}: {problem['text']}" if several else str(problem["text"])
            found.append({"kind": str(problem["kind"]), "text": text})
    found = silent + found
    versions = {str(one.document["version"]) for one in readings if one.document.get("version")}
    if len(versions) > 1:
        found.append({"kind": "versions", "text": f"hosts run {', '.join(sorted(versions))}"})
    return found


def _events(readings: Sequence[Reading], *, several: bool) -> list[Event]:
    """Newest first."""
    found = [
        parse_event(str(line), one.host if several else "")
        for one in readings
        for line in one.document.get("events") or ()
    ]
    found.sort(key=lambda one: one.at)  # keeps the order within one millisecond
    return found[::-1]


def _total(readings: Sequence[Reading], name: str) -> int | None:
    found = _add(one.document.get(name) for one in readings)
    return None if found is None else int(found)


def _sum(each: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in each:
        total.update({name: value for name, value in one.items() if isinstance(value, int)})
    return dict(total)


def _add(values: Any) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole * 100
