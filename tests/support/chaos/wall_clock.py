"""A wall clock for one fleet alone, through libfaketime; its monotonic clock stays the machine's.

A time namespace would not do: the kernel gives it offsets of the monotonic clocks only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PLACES: Final = ("/usr/lib/*/faketime/libfaketime.so.1", "usr/lib*/faketime/libfaketime.so.1")


def library() -> Path | None:
    """Debian's package libfaketime; None: it is not installed."""
    found = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
    return found[0] if found else None


class WallClock:
    """The clock; a process that has ``environment`` sees it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "clock"
        self.shift(0)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the fleet."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def shift(self, seconds: float) -> None:
        """Be so far ahead of the machine's clock from now on."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}s\n")
        fresh.replace(self._path)
