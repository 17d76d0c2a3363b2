"""How soon a dead worker's jobs are sent again: ``python tests/chaos/resend.py --kills 200``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.chaos.backends import BACKENDS, running_backend
from support.chaos.resend import measure
from support.chaos.rig import Rig

#: What is promised, seconds.
MEDIAN_SECONDS: Final = 0.5
WORST_SECONDS: Final = 2.0


def main(arguments: Sequence[str]) -> int:
    """Measure the sources one after the other; 1 when one is slower than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--source", choices=[*BACKENDS], action="append", help="default: all")
    given = parser.parse_args(arguments)
    print("| source | kills | median | worst |\n|---|--:|--:|--:|", flush=True)
    slow = False
    for source in given.source or BACKENDS:
        with (
            running_backend(source) as backend,
            Rig(backend, 0, "resend", workers=3, recovery_seconds=6.0) as rig,
        ):
            found = measure(rig, given.kills)
        slow |= median(found) > MEDIAN_SECONDS or max(found) > WORST_SECONDS
        row = f"| {source} | {len(found)} | {median(found):.3f} s | {max(found):.3f} s |"
        print(row, flush=True)
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
