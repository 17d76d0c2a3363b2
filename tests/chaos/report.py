"""The table of the last run: ``python tests/chaos/report.py [DIRECTORY]`` prints Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.chaos.records import Record, load_records

DEFAULT: Final = Path("build/chaos")
_HEAD: Final = (
    "| # | scenario | source | jobs | killed | lost | duplicates | worst recovery | result |\n"
    "|--:|---|---|--:|--:|--:|--:|--:|---|"
)


def render(records: Sequence[Record]) -> str:
    """The table, and a line of totals."""
    lines = [_HEAD]
    for one in records:
        recovery = "" if one.recovery_seconds is None else f"{one.recovery_seconds:.2f} s"
        cells = (
            *(
                one.scenario or "",
                one.title,
                one.source,
                one.jobs,
                one.killed,
                one.lost,
                one.duplicates,
            ),
            *(recovery, "passed" if one.passed else "**failed**"),
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    passed = sum(one.passed for one in records)
    numbers = {one.scenario for one in records if one.scenario}
    totals = [
        f"{passed} of {len(records)} runs of {len(numbers)} scenarios passed",
        f"{sum(one.jobs for one in records):,} jobs",
        f"{sum(one.killed for one in records)} kills",
        f"{sum(one.lost for one in records)} lost",
        f"{sum(one.duplicates for one in records)} sent twice",
    ]
    lines += ["", ", ".join(totals) + "."]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print it; 1 when something failed or there is nothing."""
    directory = Path(arguments[0]) if arguments else DEFAULT
    records = load_records(directory)
    if not records:
        sys.stderr.write(f"no records in {directory}: run make chaos first\n")
        return 1
    print(render(records))
    return 0 if all(one.passed for one in records) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
