"""The version of what is installed."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """As the installation says; ``0+unknown`` from a bare checkout."""
    from importlib import metadata  # noqa: PLC0415 - 20 ms that --help need not pay

    try:
        return metadata.version("sockq")
    except metadata.PackageNotFoundError:
        return "0+unknown"
