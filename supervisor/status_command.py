"""``sockq status``: a live screen on a terminal, else text or JSON, once or again and again."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sockq.drivers.settings import DriverSettings
from sockq.supervisor.output import say
from sockq.supervisor.settings_directory import place_of
from sockq.supervisor.status_document import SCHEMA, exit_code, read_status, render_plain
from sockq.supervisor.status_words import Condition

_NO: Final = frozenset({"", "0", "false"})


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """What the command line asks for.

    Attributes:
        directory: Of the fleet, as given; None: ``SOCKQ_DIR``, else the default.
        urls: Documents of other hosts, instead of the directory.
        once: Print it once, also on a terminal.
        as_json: Documents, one a line.
        watch_seconds: A line this often; None: once, or the live screen.
        ascii: No characters beyond ASCII on the live screen.
        read_only: No keys that change the fleet.
        fleet: The queue whose hosts are all shown, instead of the directory.
    """

    directory: Path | None = None
    urls: Sequence[str] = ()
    once: bool = False
    as_json: bool = False
    watch_seconds: float | None = None
    ascii: bool = False
    read_only: bool = False
    fleet: DriverSettings | None = field(default=None, repr=False)

    @property
    def place(self) -> Path:
        """The fleet's directory."""
        return place_of(self.directory)


def complaint(options: StatusOptions, *, fleet: bool = False) -> str | None:
    """What is wrong with the command line, and what to do; None: nothing."""
    if fleet and options.urls:
        return "--fleet finds the hosts by itself; leave --url out, or --fleet"
    from sockq.supervisor.status_sources import complaint_about_url  # noqa: PLC0415

    for url in options.urls:
        if what := complaint_about_url(url):
            return f"--url {_safe(url)}: {what}"
    return None


def _safe(url: str) -> str:
    """The URL without what stands before an @."""
    return url.rpartition("@")[2]


def show_status(options: StatusOptions) -> int:
    """Show the state of a fleet.

    Returns:
        0 healthy, 1 degraded, 2 nothing running, 3 cannot tell: at the last look. 128 and the
        signal's number when one ended the live screen.
    """
    if options.watch_seconds is not None and not options.once:
        return _watch(options, options.watch_seconds)
    if not options.as_json and not options.once and wants_screen(os.environ):
        from sockq.supervisor.status_screen import show_screen  # noqa: PLC0415 - brings rich

        return show_screen(options)
    if options.fleet is not None:
        from sockq.supervisor.fleet_command import show_fleet  # noqa: PLC0415 - brings the driver

        return show_fleet(options.fleet, as_json=options.as_json)
    return _print(_documents(options), as_json=options.as_json)


def wants_screen(environ: Mapping[str, str]) -> bool:
    """Whether somebody sits at a terminal that can show more than lines."""
    if environ.get("TERM", "") in ("", "dumb") or environ.get("CI", "").lower() not in _NO:
        return False
    return sys.stdout.isatty()


def _documents(options: StatusOptions) -> list[dict[str, Any]]:
    if not options.urls:
        return [read_status(options.place)]
    from sockq.supervisor.status_sources import UrlSource  # noqa: PLC0415 - brings http.client

    source = UrlSource(options.urls)
    try:
        return [one.document for one in source.read()]
    finally:
        source.close()


def _print(documents: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        say(json.dumps(documents[0] if len(documents) == 1 else _together(documents)))
    else:
        sys.stdout.write("\n".join(map(render_plain, documents)))
        sys.stdout.flush()
    return common_code(documents)


def _watch(options: StatusOptions, seconds: float) -> int:
    """A line now and then, until Ctrl-C; what came before is not remembered beyond the rates."""
    from sockq.supervisor.status_line import LineMaker  # noqa: PLC0415
    from sockq.supervisor.status_sources import choose  # noqa: PLC0415

    source = choose(options.place, options.urls, options.fleet)
    lines = LineMaker()
    code = 3
    due = time.monotonic()
    try:
        while True:
            readings = source.read()
            documents = [one.document for one in readings]
            if options.as_json:
                say(json.dumps(documents[0] if len(documents) == 1 else _together(documents)))
            else:
                say(lines.line(readings))
            code = common_code(documents)
            due = max(due + seconds, time.monotonic())
            time.sleep(due - time.monotonic())
    except KeyboardInterrupt:
        return code
    finally:
        source.close()


def common_code(documents: Sequence[dict[str, Any]]) -> int:
    """The exit code for all: that of each when they agree, else degraded."""
    codes = {exit_code(one) for one in documents}
    return codes.pop() if len(codes) == 1 else 1


def _together(documents: list[dict[str, Any]]) -> dict[str, Any]:
    states = {str(one["state"]) for one in documents}
    state = states.pop() if len(states) == 1 else Condition.DEGRADED
    return {"schema": SCHEMA, "state": state, "at": time.time(), "hosts": documents}
