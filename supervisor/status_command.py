"""``sockq status``: the state of a fleet, printed once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sockq.supervisor.output import say
from sockq.supervisor.settings_directory import default_directory
from sockq.supervisor.status_document import exit_code, read_status, render_plain


def show_status(directory: Path | None, *, as_json: bool) -> int:
    """Print the state of the fleet of a directory.

    Args:
        directory: As given; None: ``SOCKQ_DIR``, else the default.
        as_json: One document on one line.

    Returns:
        0 healthy, 1 degraded, 2 nothing running, 3 cannot tell.
    """
    given = directory or os.environ.get("SOCKQ_DIR") or default_directory(os.environ)
    document = read_status(Path(given).expanduser().absolute())
    if as_json:
        say(json.dumps(document))
    else:
        sys.stdout.write(render_plain(document))
    return exit_code(document)
