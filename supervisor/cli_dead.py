"""The commands of ``sockq dead``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sockq.supervisor.cli_shared import Config, Directory, load_or_leave, misuse

if TYPE_CHECKING:
    from sockq.supervisor.dead_select import Selection

dead = typer.Typer(
    name="dead",
    help="Look at dead letters, put them back in the queue, remove them.",
    rich_markup_mode=None,
    add_completion=False,
)

_Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Only these.")]
_App = Annotated[str, typer.Option("--app", metavar="ID", help="Of this app.")]
_Endpoint = Annotated[
    str,
    typer.Option(metavar="TEXT", help="A target still owed has this in its URL, or as its id."),
]
_Reason = Annotated[str, typer.Option(metavar="TEXT", help="Has this in its reason.")]
_Older = Annotated[
    str, typer.Option("--older-than", metavar="AGE", help="Died at least this long ago: 2h, 7d.")
]
_Newer = Annotated[
    str, typer.Option("--newer-than", metavar="AGE", help="Died at most this long ago: 15m.")
]
_Source = Annotated[
    str, typer.Option("--source", metavar="TEXT", help="Of the queue with this in its name.")
]
_Json = Annotated[bool, typer.Option("--json", help="A JSON document a line; secrets masked.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
_Rate = Annotated[
    float | None, typer.Option("--rate", metavar="N", help="At most N letters a second.")
]


@dead.command("ls")
def list_(
    ids: _Ids = None,
    app: _App = "",
    endpoint: _Endpoint = "",
    reason: _Reason = "",
    older_than: _Older = "",
    newer_than: _Newer = "",
    source: _Source = "",
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, metavar="N", help="Most lines; 20, with --json all."),
    ] = None,
    as_json: _Json = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Count the dead letters by reason and app, and list the newest."""
    selection = _selection(ids, app, endpoint, reason, older_than, newer_than)
    configuration = load_or_leave(config, directory)
    from sockq.supervisor.dead_look import list_letters  # noqa: PLC0415

    assert configuration.fleet is not None
    return list_letters(configuration.fleet, selection, source, limit=limit, as_json=as_json)


@dead.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As ls shows it.")],
    source: _Source = "",
    as_json: _Json = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """All that is known of one dead letter."""
    configuration = load_or_leave(config, directory)
    from sockq.supervisor.dead_look import show_letter  # noqa: PLC0415

    assert configuration.fleet is not None
    return show_letter(configuration.fleet, id_, source, as_json=as_json)


@dead.command()
def replay(
    ids: _Ids = None,
    app: _App = "",
    endpoint: _Endpoint = "",
    reason: _Reason = "",
    older_than: _Older = "",
    newer_than: _Newer = "",
    source: _Source = "",
    rate: _Rate = None,
    yes: _Yes = False,
    dry_run: _DryRun = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Put dead letters back in the queue, for the targets they still owe."""
    selection = _selection(ids, app, endpoint, reason, older_than, newer_than)
    return _work("replay", selection, source, rate, yes, dry_run, config, directory)


@dead.command()
def drop(
    ids: _Ids = None,
    app: _App = "",
    endpoint: _Endpoint = "",
    reason: _Reason = "",
    older_than: _Older = "",
    newer_than: _Newer = "",
    source: _Source = "",
    rate: _Rate = None,
    yes: _Yes = False,
    dry_run: _DryRun = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Remove dead letters for good."""
    selection = _selection(ids, app, endpoint, reason, older_than, newer_than)
    return _work("drop", selection, source, rate, yes, dry_run, config, directory)


def _selection(
    ids: list[str] | None, app: str, endpoint: str, reason: str, older_than: str, newer_than: str
) -> Selection:
    from sockq.supervisor.dead_select import Selection, parse_age  # noqa: PLC0415

    ages: dict[str, float | None] = {"--older-than": None, "--newer-than": None}
    for name, text in (("--older-than", older_than), ("--newer-than", newer_than)):
        if text:
            try:
                ages[name] = parse_age(text)
            except ValueError as error:
                misuse(f"{name}: {error}")
    older, newer = ages.values()
    if older is not None and newer is not None and older > newer:
        misuse(f"nothing is older than {older_than} and newer than {newer_than}: swap them")
    return Selection(frozenset(ids or ()), app, endpoint, reason, older, newer)


def _work(
    verb: Literal["replay", "drop"],
    selection: Selection,
    source: str,
    rate: float | None,
    yes: bool,
    dry_run: bool,
    config: Path | None,
    directory: Path | None,
) -> int:
    if rate is not None and not 0 < rate <= 1_000_000:  # noqa: PLR2004 - said in the line
        misuse("--rate takes a number of letters a second above 0, at most 1000000")
    configuration = load_or_leave(config, directory)
    from sockq.supervisor.dead_pace import Pace  # noqa: PLC0415
    from sockq.supervisor.dead_work import Work, work_through  # noqa: PLC0415

    assert configuration.fleet is not None
    work = Work(verb, selection, source, Pace(rate), yes=yes, dry_run=dry_run)
    return work_through(configuration.fleet, work)
