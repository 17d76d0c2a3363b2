"""The commands of ``sockq ctl``."""

from __future__ import annotations

from typing import Annotated

import typer

from sockq.supervisor.cli_shared import Directory, misuse

ctl = typer.Typer(
    name="ctl",
    help="Control a running fleet. Exits with 0 done, 1 refused, 2 nothing runs, 3 no answer.",
    rich_markup_mode=None,
    add_completion=False,
)

_Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is over.")]
_NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is over.")]
_Endpoint = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT",
        help="Its URL or id, or a part of what sockq status shows that fits only one.",
    ),
]
_App = Annotated[
    str | None, typer.Option("--app", metavar="ID", help="Only among the endpoints of this app.")
]
_Worker = Annotated[
    str | None, typer.Argument(metavar="[WORKER]", help="Only this one: w00, w01, …")
]


@ctl.command()
def pause(
    seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="Resume by itself after this long."),
    ] = None,
    directory: Directory = None,
) -> int:
    """Claim nothing more; what is held goes on."""
    from sockq.supervisor.ctl_command import control  # noqa: PLC0415

    if seconds is not None and not 0 < seconds <= 30 * 86_400:
        misuse("--for takes more than 0 seconds and at most 30 days")
    request: dict[str, object] = {"cmd": "pause"}
    return control(directory, request if seconds is None else {**request, "seconds": seconds})


@ctl.command()
def resume(directory: Directory = None) -> int:
    """Claim again."""
    from sockq.supervisor.ctl_command import control  # noqa: PLC0415

    return control(directory, {"cmd": "resume"})


@ctl.command()
def scale(
    workers: Annotated[int, typer.Argument(metavar="N", help="Worker processes from now on.")],
    directory: Directory = None,
) -> int:
    """Have N workers, until the fleet ends."""
    from sockq.supervisor.ctl_command import control  # noqa: PLC0415
    from sockq.supervisor.settings_of_sockq import MOST_WORKERS  # noqa: PLC0415

    if not 1 <= workers <= MOST_WORKERS:
        misuse(f"a fleet has 1 to {MOST_WORKERS} workers")
    return control(directory, {"cmd": "scale", "workers": workers})


@ctl.command()
def restart(worker: _Worker = None, wait: _Wait = False, directory: Directory = None) -> int:
    """Replace all workers one at a time, or one, with the configuration they have."""
    from sockq.supervisor.ctl_command import control, until_reloaded  # noqa: PLC0415

    if worker is not None:
        return control(directory, {"cmd": "restart", "worker": worker})
    return control(directory, {"cmd": "restart"}, until_reloaded if wait else None)


@ctl.command()
def drain(worker: _Worker = None, no_wait: _NoWait = False, directory: Directory = None) -> int:
    """Claim nothing more and wait until nothing is held; or replace one worker that way."""
    from sockq.supervisor.ctl_command import control, until_drained  # noqa: PLC0415

    if worker is not None:
        return control(directory, {"cmd": "drain", "worker": worker})
    return control(directory, {"cmd": "drain"}, None if no_wait else until_drained)


@ctl.command()
def reload(wait: _Wait = False, directory: Directory = None) -> int:
    """Read the configuration again and, if it holds, replace all workers one at a time."""
    from sockq.supervisor.ctl_command import control, until_reloaded  # noqa: PLC0415

    return control(directory, {"cmd": "reload"}, until_reloaded if wait else None)


@ctl.command()
def retry(directory: Directory = None) -> int:
    """Start now whatever waits for its next start."""
    from sockq.supervisor.ctl_command import control  # noqa: PLC0415

    return control(directory, {"cmd": "retry"})


@ctl.command()
def disable(endpoint: _Endpoint, app: _App = None, directory: Directory = None) -> int:
    """Send nothing to one endpoint until it is enabled, also after a restart.

    Fleets on other hosts go on: tell each of them. Requests under way end. Jobs wait uncharged, as
    long as their retries may last; then they are dead letters that say so, for sockq dead replay.
    """
    from sockq.supervisor.ctl_endpoint import switch  # noqa: PLC0415

    return switch(directory, "disable", endpoint, app)


@ctl.command()
def enable(endpoint: _Endpoint, app: _App = None, directory: Directory = None) -> int:
    """Send to it again; what was held back follows within a minute."""
    from sockq.supervisor.ctl_endpoint import switch  # noqa: PLC0415

    return switch(directory, "enable", endpoint, app)


@ctl.command()
def stop(
    at_once: Annotated[
        bool, typer.Option("--now", help="Kill the workers; their jobs go back to the queue.")
    ] = False,
    no_wait: _NoWait = False,
    directory: Directory = None,
) -> int:
    """Drain, stop, and wait until it is gone."""
    from sockq.supervisor.ctl_command import control, until_stopped  # noqa: PLC0415

    request: dict[str, object] = {"cmd": "stop", "at_once": at_once}
    return control(directory, request, None if no_wait else until_stopped)


@ctl.command()
def dump(directory: Directory = None) -> int:
    """Write the stacks of all processes to the fleet's log."""
    from sockq.supervisor.ctl_command import control  # noqa: PLC0415

    return control(directory, {"cmd": "dump"})
