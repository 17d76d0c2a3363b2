"""``sockq status --fleet``, once: as text or JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Final

from sockq.drivers.errors import SockqError
from sockq.drivers.settings import DriverSettings
from sockq.supervisor.fleet_text import fleet_document, render_fleet
from sockq.supervisor.fleet_view import read_fleet
from sockq.supervisor.output import note, say
from sockq.supervisor.status_document import exit_code

_CANNOT_TELL: Final = 3


def show_fleet(settings: DriverSettings, *, as_json: bool) -> int:
    """Print all hosts.

    Returns:
        0 all healthy; 1 one is degraded, late or lost; 2 no host reports; 3 cannot tell.
    """
    try:
        hosts = read_fleet(settings)
    except SockqError as error:
        note(f"cannot tell who is in the fleet: {error}")
        return _CANNOT_TELL
    document = fleet_document(hosts, time.time())
    if as_json:
        say(json.dumps(document))
    else:
        sys.stdout.write(render_fleet(hosts, document["at"]))
        sys.stdout.flush()
    return exit_code(document)
