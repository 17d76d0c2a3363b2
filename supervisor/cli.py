"""The command line. Heavy imports stand inside the commands, so that ``--help`` stays quick."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from sockq.supervisor.cli_ctl import ctl
from sockq.supervisor.cli_dead import dead
from sockq.supervisor.cli_doctor import doctor
from sockq.supervisor.cli_shared import Config, Directory, load_or_leave, misuse
from sockq.supervisor.output import hold_streams, nobody_reads, note, notes, say
from sockq.supervisor.pid_one import heed_signals
from sockq.supervisor.version import version
from sockq.workers import exits

if TYPE_CHECKING:
    from sockq.drivers.settings import DriverSettings

_INTERRUPTED: Final = 130
#: click's base of errors; newer typers bring their own click, so it is reached through typer.
_MISUSE: Final = cast("type[Exception]", typer.BadParameter.__mro__[2])

app = typer.Typer(
    name="sockq",
    help="Worker fleet that delivers the webhook queues of Sockudo and soketi, and loses none.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.add_typer(ctl)
app.add_typer(dead)
app.command()(doctor)


def main() -> int:
    """Run the command line; returns the exit code. A user's mistake is one line, never a trace."""
    heed_signals()
    hold_streams()
    command = typer.main.get_command(app)
    args = sys.argv[1:]
    try:
        code = command.main(args or ["--help"], prog_name="sockq", standalone_mode=False)
        sys.stdout.flush()
    except _MISUSE as error:
        note(_one_line(error))
        return exits.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        nobody_reads()
        return exits.OK
    if not args:
        return exits.USAGE
    return code if isinstance(code, int) else exits.OK


def _one_line(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "sockq"
    message = " ".join(str(getattr(error, "format_message", error.__str__)()).split())
    return f"{message.rstrip('.') or 'no command given'}; see {path} --help"


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"sockq {version()}")
        raise typer.Exit


@app.callback()
def _top(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    mode: Annotated[str | None, typer.Option(help="worker, the only one (MODE).")] = None,
    config: Config = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Worker processes (SOCKQ_WORKERS).")
    ] = None,
    directory: Directory = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Metrics and probes there, or off (SOCKQ_HTTP)."),
    ] = None,
    metrics_compat: Annotated[
        str | None,
        typer.Option(metavar="bull,bullmq", help="Serve other exporters' metric names as well."),
    ] = None,
    with_status: Annotated[
        bool,
        typer.Option("--status", help="Show the live screen; q drains. Log: DIR/fleet.log."),
    ] = False,
) -> int:
    """Run the fleet until it is told to stop."""
    configuration = load_or_leave(
        config, directory, workers=workers, mode=mode, http=http, metrics_compat=metrics_compat
    )
    from sockq.supervisor.run_command import run as run_now  # noqa: PLC0415

    assert configuration.fleet is not None
    notes(configuration.warnings, "warning: ")
    return run_now(configuration.fleet, with_status=with_status)


@app.command()
def demo(
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 2,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Events a second.")] = 2.0,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop by itself after this long.")
    ] = None,
    with_status: Annotated[
        bool, typer.Option("--status", help="Show the live screen; q ends it.")
    ] = False,
    directory: Directory = None,
) -> int:
    """All of it here: fleet, memory queue, events, receiver."""
    from sockq.supervisor.demo import run_demo  # noqa: PLC0415

    return run_demo(workers, rate, seconds, directory, with_status=with_status)


@app.command()
def enqueue(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Jobs, one a line; - is stdin.")
    ] = None,
    app_id: Annotated[
        str, typer.Option("--app", metavar="ID", help="Make a job of this app.")
    ] = "",
    event: Annotated[str, typer.Option(metavar="NAME", help="Its event: channel_occupied, …")] = "",
    channel: Annotated[str, typer.Option(metavar="C", help="The event's channel.")] = "",
    data: Annotated[str | None, typer.Option(metavar="JSON", help="The event's data.")] = None,
    user: Annotated[str, typer.Option(metavar="ID", help="user_id of a member event.")] = "",
    client_event: Annotated[
        str, typer.Option(metavar="NAME", help="What the client called its event.")
    ] = "",
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Put it in this many times.")] = 1,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out.")] = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Put jobs in the queue, from lines or made for an app."""
    made = (("--app", app_id), ("--event", event), ("--channel", channel))
    missing = [name for name, value in made if not value]
    if (file is None) == (len(missing) == len(made)):
        misuse("give a FILE of jobs (- for stdin), or --app, --event and --channel")
    if file is None and missing:
        misuse(f"{missing[0]} is missing; a job is made from --app, --event and --channel")
    configuration = load_or_leave(config, directory)
    from sockq.supervisor import cli_enqueue  # noqa: PLC0415
    from sockq.supervisor.enqueue import Wanted  # noqa: PLC0415

    if file is not None:
        return cli_enqueue.enqueue_lines(configuration, file, skip_bad=skip_bad)
    wanted = Wanted(app_id, event, channel, data, user, client_event)
    return cli_enqueue.enqueue_made(configuration, wanted, count)


@app.command()
def receiver(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 chooses a free one.")] = 9000,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=SECRET", help="An app's key and secret; repeat for more."),
    ] = None,
    config: Config = None,
    status: Annotated[str, typer.Option(help="The answer to genuine requests.")] = "200",
    status_sequence: Annotated[
        str, typer.Option(metavar="S,S,…", help="Answers in turn; the last one stays.")
    ] = "",
    delay: Annotated[float, typer.Option(min=0, help="Seconds before an answer.")] = 0.0,
    drip: Annotated[float, typer.Option(min=0, help="Seconds between bytes of an answer.")] = 0.0,
    cut: Annotated[bool, typer.Option("--cut", help="Close in the middle of an answer.")] = False,
    retry_after: Annotated[str, typer.Option(help="Answer with Retry-After.")] = "",
    rule: Annotated[
        list[str] | None,
        typer.Option(metavar="/PATH=…", help="A path's own: /down=status:500,delay:2."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole requests as JSON lines.")] = False,
) -> int:
    """A local endpoint that checks signatures and can misbehave."""
    from sockq.supervisor.receiver_command import serve  # noqa: PLC0415
    from sockq.supervisor.receiver_rules import Rule, Rules, parse_rule, parse_secret, parse_status  # noqa: PLC0415

    try:
        base = Rule(
            status=parse_status(status),
            sequence=tuple(parse_status(text) for text in status_sequence.split(",") if text),
            delay_seconds=delay,
            cut=cut,
            drip_seconds=drip,
            retry_after=retry_after,
        )
        rules = Rules(base, dict(parse_rule(text, base) for text in rule or ()))
        secrets = dict(parse_secret(pair) for pair in secret or ())
    except ValueError as error:
        misuse(str(error))
    if config is not None:
        secrets |= {app.key: app.secret for app in load_or_leave(config, None).apps}
    return serve(secrets, rules, host, port, as_json=as_json)


@app.command()
def status(
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON document.")] = False,
    watch: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="N", help="A line every N seconds, until Ctrl-C."),
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Another host's /status.json; repeat for more."),
    ] = None,
    fleet: Annotated[
        bool, typer.Option("--fleet", help="All hosts that deliver the configured queue.")
    ] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Nothing beyond ASCII.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="No keys that change the fleet.")
    ] = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Show a running fleet: live on a terminal, else as text.

    Exits with 0 healthy, 1 degraded, 2 nothing running, 3 cannot tell.
    """
    from sockq.supervisor.status_command import StatusOptions, complaint, show_status  # noqa: PLC0415

    options = StatusOptions(
        directory, tuple(url or ()), once, as_json, watch, ascii_only, read_only
    )
    if wrong := complaint(options, fleet=fleet):
        misuse(wrong)
    if fleet:
        options = replace(options, fleet=_queue_of(config, directory))
    return show_status(options)


def _queue_of(config: Path | None, directory: Path | None) -> DriverSettings:
    configuration = load_or_leave(config, directory)
    assert configuration.fleet is not None
    return configuration.fleet.driver


@app.command()
def check(config: Config = None, directory: Directory = None) -> int:
    """Print every setting and where it comes from, or every fault."""
    configuration = load_or_leave(config, directory)
    from sockq.supervisor.producer_advice import producer_advice  # noqa: PLC0415
    from sockq.supervisor.settings_report import report  # noqa: PLC0415

    for line in report(configuration):
        say(line)
    for line in ("", *producer_advice(configuration)):
        say(line)
    notes(configuration.warnings, "warning: ")
    return exits.OK


@app.command("settings-reference", hidden=True)
def settings_reference() -> int:
    """Print deploy/SETTINGS.md."""
    from sockq.supervisor.settings_reference import reference  # noqa: PLC0415

    sys.stdout.write(reference())
    return exits.OK
