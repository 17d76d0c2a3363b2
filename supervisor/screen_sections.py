"""The parts of a frame that are no tables: head, banner, queue, delivery. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.screen_picture import Latency, Picture
from sockq.supervisor.screen_text import Row, Span, cells, clean, ends, fit, flow, width_of, wrap
from sockq.supervisor.screen_ui import Ui
from sockq.supervisor.status_words import Condition

STATE_STYLES: Final[Mapping[str, str]] = {
    Condition.RUNNING: "good-word",
    Condition.DOWN: "bad-word",
    Condition.UNKNOWN: "bad-word",
}
_LONG_CURVE_SECONDS: Final = 300
_SHORT_CURVE_SECONDS: Final = 120
_WIDE: Final = 110
_LATENCY_NAMES: Final = (
    ("sending", "send"), ("queue_wait", "queue wait"), ("end_to_end", "end to end"),
)  # fmt: skip
_SHORTEST_SECONDS: Final = 0.1
_OLD_SECONDS: Final = 60.0


def state_style(state: str) -> str:
    """Style of the status word."""
    return STATE_STYLES.get(state, "warn-word")


def head(picture: Picture, ui: Ui, width: int, now: float) -> Row:
    """Who this is, how it is, since when, and what time it is there."""
    first = picture.first
    several = len(picture.readings) > 1
    who = f"{len(picture.readings)} hosts" if several else str(first.get("host") or "")
    versions = {str(one.document.get("version") or "") for one in picture.readings} - {""}
    version = "/".join(sorted(versions))
    told = (version, who, first.get("driver"), first.get("queue_name"))
    clock = time.strftime("%H:%M:%SZ", time.gmtime(picture.at)) if picture.at else ""
    up = first.get("up_seconds")
    right = [Span(f"  {picture.state} ", state_style(picture.state))]
    if picture.disabled:
        right.append(Span(f" {picture.disabled} disabled ", "warn-word"))
    if up is not None and not several:
        right.append(Span(f" up {numbers.seconds(up)} "))
    if ui.held_since is not None:
        right.append(Span(f" HELD {numbers.seconds(now - ui.held_since)} ", "select"))
    right.append(Span(f" {clock} ", "dim"))
    items = [[Span("sockq", "strong")], *([Span(str(one))] for one in told if one)]
    return ends(flow(items, width - width_of(right), 2), right, width, ui.glyphs.cut)


def banner(picture: Picture, ui: Ui, width: int, most: int) -> list[Row]:
    """The worst that is wrong, in at most ``most`` rows; none when nothing is."""
    problems = [dict(one) for one in picture.problems]
    if picture.state == Condition.PAUSED:
        left = picture.first.get("pause_left_seconds")
        told = "workers claim nothing" + (f" for {numbers.seconds(left)}" if left else "")
        told += "; P resumes" if ui.may_act else ""
        problems.append({"kind": "paused", "text": told})
    if (picture.first.get("reload") or {}).get("active"):
        problems.append({"kind": "reloading", "text": "workers are replaced one after the other"})
    if picture.state == Condition.DRAINING:
        left = picture.first.get("drain_left_seconds")
        told = f"{picture.in_flight} jobs in flight"
        told += f", at most {numbers.seconds(left)} more" if left is not None else ""
        problems.insert(0, {"kind": "draining", "text": told})
    if not problems or not picture.there:
        return []
    worst = problems[0]
    more = f" (+{len(problems) - 1}) " if len(problems) > 1 else " "
    title = f" !! {str(worst['kind']).upper().replace('-', ' ')}  "
    text = clean(worst["text"])
    room = width - cells(title) - cells(more)
    lines = [text]
    if most > 1 and cells(text) > room:
        lines = wrap(text, room, most)
    rows: list[Row] = []
    for index, line in enumerate(lines):
        left_row = [Span(title if not index else " " * cells(title)), Span(line)]
        row = ends(left_row, [Span(more if not index else " ")], width, ui.glyphs.cut)
        rows.append([Span(span.text, "alarm") for span in row])
    return rows


def queue_line(picture: Picture, width: int) -> Row:
    """Waiting, oldest, time to clear, and where else jobs are."""
    queue = picture.queue
    oldest, clear = queue.get("oldest_seconds"), picture.seconds_to_clear
    old = oldest is not None and oldest > _OLD_SECONDS
    if clear is not None and queue.get("ready"):
        told = f"~{numbers.seconds(clear)}" if clear >= _SHORTEST_SECONDS else "0s"
    else:
        told = "0s" if clear == 0 else "-"
    items: list[Row] = [
        _pair("waiting", numbers.count(queue.get("ready"))),
        _pair("oldest", numbers.seconds(oldest), "bad" if old else ""),
        _pair("clear", told),
        _pair("retry", numbers.count(queue.get("delayed"))),
        _pair("dead", numbers.count(queue.get("dead")), "bad" if queue.get("dead") else ""),
    ]
    if queue.get("evicted"):
        items.append(_pair("evicted", numbers.count(queue["evicted"]), "bad"))
    return flow(items, width)


def rate_line(picture: Picture, ui: Ui, width: int) -> Row:
    """Deliveries a second with their curve, errors, attempts for each job."""
    rates = picture.rates
    share = "-" if rates.error_percent is None else f"{numbers.percent(rates.error_percent)}%"
    per_job = "-" if rates.attempts_per_job is None else f"{rates.attempts_per_job:.2f}"
    left = [Span(" ok/s ", "dim"), Span(f"{numbers.rate(rates.ok):<7}", "strong"), Span(" ")]
    right = [*_pair("err", share, "warn" if (rates.error_percent or 0) >= 1 else ""), Span("   ")]
    right += [*_pair("attempts/job", f"{per_job:<5}")]
    return _with_curve(picture, ui, "delivered", left, right, width)


def latency_line(picture: Picture, width: int) -> Row:
    """Percentiles of sending, of the wait before it and of both."""
    items: list[Row] = []
    sending = picture.latencies.get("sending", Latency())
    parts = [Span("send", "dim")]
    for name in ("p50", "p95", "p99"):
        parts += [Span(f" {name} ", "dim"), Span(_percentile(sending, name)), Span(" ")]
    items.append(parts)
    for kind, told in (("queue_wait", "wait"), ("end_to_end", "e2e")):
        one = picture.latencies.get(kind, Latency())
        items.append([Span(f"{told} p95 ", "dim"), Span(_percentile(one, "p95"))])
    return flow(items, width, 2)


def delivery(picture: Picture, ui: Ui, width: int) -> list[Row]:
    """The same at length, for wide screens: six rows."""
    rates = picture.rates
    ok = [Span(" ok/s  ", "dim"), Span(f"{numbers.rate(rates.ok):>7}", "strong"), Span("  ")]
    bad = [Span(" err/s ", "dim"), Span(f"{numbers.rate(rates.errors):>7}"), Span("  ")]
    shown = sorted(picture.outcomes.items(), key=lambda one: (one[0] != "2xx", -one[1]))
    kinds: list[Row] = [_pair(name, numbers.count(value)) for name, value in shown]
    if not kinds:
        totals = picture.totals
        names = ("delivered", "failed", "attempts")
        kinds = [_pair(name, numbers.count(totals.get(name))) for name in names]
    share = "-" if rates.error_percent is None else f"{numbers.percent(rates.error_percent)}%"
    per_job = "-" if rates.attempts_per_job is None else f"{rates.attempts_per_job:.2f}"
    told: list[Row] = [
        _pair("err", share), _pair("retried", numbers.count(rates.retried)),
        _pair("dead", numbers.count(rates.dead)), _pair("attempts/job", per_job),
    ]  # fmt: skip
    half = width // 2
    rows: list[Row] = [
        _joined(_with_curve(picture, ui, "delivered", ok, [], half), flow(kinds, width - half)),
        _joined(_with_curve(picture, ui, "failed", bad, [], half), flow(told, width - half)),
        [Span(f"{'':13}{'p50':>8} {'p95':>8} {'p99':>8}", "head")],
    ]
    for kind, name in _LATENCY_NAMES:
        one = picture.latencies.get(kind, Latency())
        values = " ".join(f"{_percentile(one, which):>8}" for which in ("p50", "p95", "p99"))
        bars = numbers.spark(one.shape, ui.glyphs) if one.shape else ""
        rows.append([Span(f" {name:<12}", "dim"), Span(values), Span(f"   {bars}", "ok")])
    return rows


def clear_line(picture: Picture, width: int) -> Row:
    """How long the queue takes, and how much of the fleet is used."""
    clear, rates = picture.seconds_to_clear, picture.rates
    told = "-" if clear is None else "0s"
    if clear is not None and clear >= _SHORTEST_SECONDS:
        told = f"~{numbers.seconds(clear)} at {numbers.rate(rates.ok)}/s"
    items: list[Row] = [
        _pair("time to clear", told),
        _pair("in", f"{numbers.rate(rates.arriving)}/s"),
        _pair("out", f"{numbers.rate(rates.ok)}/s"),
        _pair("in flight", numbers.count(picture.in_flight)),
    ]
    limits = [one.get("in_flight_limit") or 0 for one in picture.workers]
    if sum(limits):
        items.append(_pair("of the room used", f"{picture.in_flight / sum(limits) * 100:.0f}%"))
    return flow(items, width)


def dead_line(picture: Picture, width: int) -> Row:
    """Dead letters that these workers made, and why where that is counted."""
    names = (("dead", "dead"), ("dead_invalid", "unreadable"), ("dead_tampered", "tampered"),
             ("dead_unknown_app", "of unknown apps"), ("dead_poison", "poison"))  # fmt: skip
    items: list[Row] = [[Span("by these workers so far:", "dim")]]
    totals = picture.totals
    items += [_pair(told, numbers.count(totals[name])) for name, told in names if name in totals]
    if picture.queue.get("trimmed"):
        items.append(_pair("trimmed", numbers.count(picture.queue["trimmed"]), "warn"))
    return flow(items, width)


def closer_line(picture: Picture, width: int) -> Row:
    """The command that looks at dead letters closer; it needs the fleet's own configuration."""
    place = str(picture.first.get("directory") or "")
    own = len(picture.readings) == 1 and picture.readings[0].label == place
    command = "sockq dead ls" + (f" --dir {place}" if own else "")
    return flow([[Span("closer:", "dim"), Span(f" {command} --config FILE")]], width)


def waiting_curve(picture: Picture, ui: Ui, width: int) -> Row:
    """How many jobs waited, over the last minutes."""
    left = [Span(" waiting  ", "dim")]
    return _with_curve(picture, ui, "waiting", left, [], width)


def curve_seconds(width: int) -> int:
    """How much time a curve shows on a screen of this width."""
    return _LONG_CURVE_SECONDS if width >= _WIDE else _SHORT_CURVE_SECONDS


def _with_curve(
    picture: Picture, ui: Ui, name: str, left: list[Span], right: Row, width: int
) -> Row:
    room = min(60, width - width_of(left) - width_of(right) - 4)
    if room < 8:  # noqa: PLR2004 - fewer bars say nothing
        return fit([*left, *right], width, ui.glyphs.cut)
    whole = curve_seconds(width if name == "waiting" else width * 2 if not right else width)
    values = picture.curve(name, room, whole / room)
    style = "warn" if name == "failed" else "ok"
    bars = numbers.spark(values, ui.glyphs)
    gap = " " * (room - cells(bars) + 3)
    return [*left, Span(bars, style), Span(gap), *right]


def _pair(name: str, value: str, style: str = "") -> list[Span]:
    return [Span(f"{name} ", "dim"), Span(value, style or ("dim" if value in ("0", "-") else ""))]


def _percentile(one: Latency, name: str) -> str:
    value: float | None = getattr(one, name)
    return (">" if name in one.beyond else "") + numbers.milliseconds(value)


def _joined(left: Row, right: Row) -> Row:
    return [*left, *right]
