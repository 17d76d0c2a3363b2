"""The table of the last runs: ``python tests/chaos/report.py [DIRECTORY]`` prints Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.chaos.records import Row, load_records, rows

DEFAULT: Final = Path("build/chaos")
_HEAD: Final = (
    "| # | scenario | source | jobs | killed | lost | duplicates | worst recovery | passed |\n"
    "|--:|---|---|--:|--:|--:|--:|--:|---|"
)


def render(found: Sequence[Row]) -> str:
    """The table, and a line of totals."""
    lines = [_HEAD]
    for one in found:
        recovery = "" if one.recovery_seconds is None else f"{one.recovery_seconds:.2f} s"
        whole = f"{one.passed} of {one.runs}"
        cells = (
            one.scenario or "",
            one.title,
            one.source,
            one.jobs,
            one.killed,
            one.lost,
            one.duplicates,
            recovery,
            whole if one.passed == one.runs else f"**{whole}**",
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    numbers = {one.scenario for one in found if one.scenario}
    passed, runs = sum(one.passed for one in found), sum(one.runs for one in found)
    totals = [
        f"{passed} of {runs} runs of {len(numbers)} scenarios passed",
        f"{sum(one.jobs for one in found):,} jobs",
        f"{sum(one.killed for one in found):,} kills",
        f"{sum(one.lost for one in found)} lost",
        f"{sum(one.duplicates for one in found):,} sent twice",
    ]
    lines += ["", ", ".join(totals) + "."]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print it; 1 when something failed or there is nothing."""
    directory = Path(arguments[0]) if arguments else DEFAULT
    found = rows(load_records(directory))
    if not found:
        sys.stderr.write(f"no records in {directory}: run make chaos first\n")
        return 1
    print(render(found))
    return 0 if all(one.passed == one.runs for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
