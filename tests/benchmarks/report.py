"""The table at the end of a run."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from benchmarks.bare_engine import CpuResult
from benchmarks.measures import median
from benchmarks.phases import Drained, Idle, Paced


@dataclass(slots=True)
class Measured:
    """All that a run found."""

    drained: list[Drained]
    engine: list[CpuResult]
    urllib3: list[CpuResult]
    paced: Paced
    idle: Idle
    memory: list[tuple[float, float | None]]


def table(found: Measured, *, goals: bool) -> str:
    """Render it: what, how much, and with ``goals`` what was aimed at and whether it was met."""
    rounds = found.drained
    worker = median([r.micros(r.costs.workers) for r in rounds])
    redis = median([r.micros(r.costs.redis) for r in rounds])
    engine = median([b.micros for b in found.engine])
    urllib3 = median([b.micros for b in found.urllib3])
    rows = [
        ("emptying a full queue", "", ""),
        ("  jobs a second", f"{median([r.rate for r in rounds]):,.0f}", ""),
        ("  worker CPU a job", f"{worker:.1f} us", _goal(worker, "<=", 35, " us")),
        ("  parent CPU a job", f"{median([r.micros(r.costs.parent) for r in rounds]):.2f} us", ""),
        (
            "  janitor CPU a job",
            f"{median([r.micros(r.costs.helpers) for r in rounds]):.2f} us",
            "",
        ),
        ("  Redis CPU a job", f"{redis:.1f} us", _goal(redis, "<=", 4, " us")),
        ("  delivered twice", f"{sum(r.repeated for r in rounds)}", ""),
        ("compared, in jobs per CPU second of the workers", "", ""),
        ("  bare delivery engine, no queue", f"{engine:.1f} us", ""),
        (
            "  fleet / bare engine",
            f"{engine / worker:.2f} x",
            _goal(engine / worker, ">=", 0.6, " x"),
        ),
        ("  blocking urllib3 loop, no queue", f"{urllib3:.1f} us", ""),
        (
            "  fleet / urllib3 loop",
            f"{urllib3 / worker:.2f} x",
            _goal(urllib3 / worker, ">=", 4, " x"),
        ),
        (f"from enqueue to delivery, at {found.paced.rate:,.0f} jobs a second", "", ""),
        ("  p50", f"{found.paced.p50_ms:.1f} ms", ""),
        ("  p99", f"{found.paced.p99_ms:.1f} ms", ""),
        ("  worst", f"{found.paced.worst_ms:.1f} ms", ""),
        ("nothing to do, of one processor", "", ""),
        (
            "  fleet, all processes",
            f"{found.idle.fleet:.2f} %",
            _goal(found.idle.fleet, "<", 1, " %"),
        ),
        ("  parent alone", f"{found.idle.parent:.2f} %", _goal(found.idle.parent, "<", 0.5, " %")),
        ("  Redis", f"{found.idle.redis:.2f} %", ""),
        ("memory of a worker", "", ""),
        ("  resident", f"{median([rss for rss, _ in found.memory]):.0f} MiB", ""),
        ("  proportional", _proportional(found.memory), ""),
    ]
    return "\n".join(
        f"{what:<48} {value:>10}   {goal if goals else ''}".rstrip() for what, value, goal in rows
    )


def _goal(value: float, sign: str, bound: float, unit: str) -> str:
    tests = {"<=": operator.le, ">=": operator.ge, "<": operator.lt}
    met = tests[sign](value, bound)
    return f"goal {sign} {bound:g}{unit}{'' if met else '   MISSED'}"


def _proportional(memory: list[tuple[float, float | None]]) -> str:
    known = [pss for _, pss in memory if pss is not None]
    return f"{median(known):.0f} MiB" if known else "unknown"
