"""What several commands share: their options, and reading the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sockq.supervisor.output import note, notes
from sockq.workers import exits

if TYPE_CHECKING:
    from sockq.supervisor.settings import Configuration

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="A Sockudo or soketi file as it is."),
]
Directory = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="The fleet's directory (SOCKQ_DIR).")
]


def load_or_leave(
    config: Path | None,
    directory: Path | None,
    *,
    workers: int | None = None,
    mode: str | None = None,
    http: str | None = None,
    metrics_compat: str | None = None,
) -> Configuration:
    """Read the configuration; with faults, print them all and leave with 78."""
    from sockq.supervisor.settings import load  # noqa: PLC0415

    given = {
        "sockq.dir": directory,
        "sockq.workers": workers,
        "MODE": mode,
        "sockq.http.address": http,
        "sockq.http.metrics_compat": metrics_compat,
    }
    flags = {path: str(value) for path, value in given.items() if value is not None}
    configuration = load(config, os.environ, flags)
    if configuration.faults:
        notes(configuration.faults)
        raise typer.Exit(exits.CONFIG)
    return _able_to_reload(configuration, lambda: load(config, os.environ, flags))


def _able_to_reload(
    configuration: Configuration, read_again: Callable[[], Configuration]
) -> Configuration:
    from sockq.supervisor.fleet import Reread  # noqa: PLC0415

    assert configuration.fleet is not None

    def reread() -> Reread:
        again = read_again()
        return Reread(again.fleet, again.faults, again.warnings)

    return replace(configuration, fleet=replace(configuration.fleet, reread=reread))


def misuse(what: str) -> NoReturn:
    """Leave with 64 and one line."""
    note(what)
    raise typer.Exit(exits.USAGE)
