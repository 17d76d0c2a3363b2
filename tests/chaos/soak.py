"""The soak as a program: ``python tests/chaos/soak.py --minutes 60 --source v1 --seed 7``."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.chaos import history
from support.chaos.backends import BACKENDS, running_backend
from support.chaos.soak import RATE, REDIS_SECONDS, Plan, Progress, Soak

_LINE_SECONDS: Final = 10.0


class Teller:
    """A line that is written over on a terminal, else one every ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if not self._live and progress.elapsed < self._next and progress.state == "running":
            return
        self._next = progress.elapsed + _LINE_SECONDS
        text = (
            f"{progress.elapsed:6.0f} s  {progress.state}  accepted {progress.accepted}"
            f"  delivered {progress.delivered}  twice {progress.requests - progress.delivered}"
            f"  kills {sum(progress.kills.values())}"
        )
        sys.stderr.write(f"\r\x1b[2K{text}" if self._live else text + "\n")
        sys.stderr.flush()


def report(soak: Soak, seed: int, source: str, fault: str) -> str:
    """What there is to say at the end."""
    progress, happened = soak.progress, soak.rig.history()
    kills = ", ".join(f"{count} of {who}" for who, count in sorted(progress.kills.items()))
    recoveries = sorted(one.seconds for one in soak.rig.recoveries)
    rows = [
        ("source", source),
        ("seed", str(seed)),
        ("length", f"{progress.elapsed:.0f} s"),
        ("jobs accepted", f"{len(happened.accepted):,}"),
        ("kills", kills or "none"),
        ("lost", str(len(history.lost(happened)))),
        ("dead letters", str(len(happened.dead))),
        ("sent twice", f"{history.repeats(happened)}, {happened.allowed_repeats} were in flight"),
    ]
    if recoveries:
        middle = recoveries[len(recoveries) // 2]
        rows.append(("recovery", f"median {middle:.2f} s, worst {recoveries[-1]:.2f} s"))
    rows.append(("result", "passed" if not fault else f"FAILED\n{fault}"))
    return "\n".join(f"{name:<14} {value}" for name, value in rows)


def main(arguments: Sequence[str]) -> int:
    """Run it; 1 when an invariant was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=[*BACKENDS], default="v1")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, help="instead of minutes")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rate", type=float, default=RATE, help="jobs a second")
    parser.add_argument("--redis-seconds", type=float, default=REDIS_SECONDS)
    given = parser.parse_args(arguments)
    seconds = given.seconds if given.seconds is not None else given.minutes * 60
    sys.stderr.write(f"soak of {given.source} for {seconds:.0f} s, seed {given.seed}\n")
    plan = Plan(seconds, given.seed, given.rate, redis_seconds=given.redis_seconds)
    fault = ""
    with running_backend(given.source) as backend:
        soak = Soak(backend, plan, Teller())
        try:
            soak.run()
        except AssertionError as error:
            fault = str(error)
    sys.stderr.write("\n")
    print(report(soak, given.seed, given.source, fault))
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
