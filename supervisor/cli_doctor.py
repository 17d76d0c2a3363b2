"""``sockq doctor`` on the command line."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from sockq.supervisor.cli_shared import Config, Directory, load_or_leave
from sockq.supervisor.output import say


def doctor(
    config: Config = None,
    directory: Directory = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON document.")] = False,
    no_endpoints: Annotated[
        bool, typer.Option("--no-endpoints", help="Do not connect to the webhooks' servers.")
    ] = False,
) -> int:
    """Find what will hurt, and say how to mend it. Changes nothing.

    Looks at the queue's backend, at who else takes jobs, at the configuration, at this machine, at
    what endpoints answered the fleet that runs here, and connects to each webhook's server without
    sending anything. Exits with 0 all in order, 1 warnings, 2 problems, 75 the backend does not
    answer, 78 it or the configuration refuses.
    """
    configuration = load_or_leave(config, directory)
    from sockq.supervisor.doctor import examine  # noqa: PLC0415 - heavy
    from sockq.supervisor.doctor_finding import document, render  # noqa: PLC0415

    findings, code = examine(configuration, endpoints=not no_endpoints)
    if as_json:
        say(json.dumps(document(findings)))
    else:
        sys.stdout.write(render(findings))
        sys.stdout.flush()
    return code
