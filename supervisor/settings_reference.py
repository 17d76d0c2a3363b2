"""deploy/SETTINGS.md: the table of settings for readers, made from the table that is obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_of_server import SERVER_SETTINGS
from sockq.supervisor.settings_of_sockq import OWN_SETTINGS
from sockq.supervisor.settings_table import SETTINGS_WITH_SOKETI

_HEAD: Final = """\
# Settings

Made by `sockq settings-reference`; a test fails when it is stale.

Each setting is looked for in its default, the file (`--config`), the environment and the flags;
the last one found counts. A file is a Sockudo 4.x or 5.x or a soketi configuration as it is: TOML
when its name ends in `.toml`, else JSON. `${VAR}` and `${VAR:-default}` in it are replaced first.
An empty variable counts as not set. Whatever does not fit is a fault, and all faults are told at
once (`sockq check`, exit code 78). Of a server's file, keys not listed here are left alone.

Whose configuration it is shows in the file, by keys that only one of the servers has; else soketi's
variables (`SOKETI_…`) make it soketi's. A file of one server beside variables of the other is a
fault.
"""
_FLEET: Final = """\
A fleet's directory, when nobody says: `$XDG_RUNTIME_DIR/sockq`, else `/run/sockq` where that can
be used, else `sockq-UID` in the directory for temporary files.

The number of workers: `--workers`, `SOCKQ_WORKERS`, `[sockq] workers`, the server's concurrency of
the driver, else Sockudo's default 5 or soketi's 1 (memory, and SQS with soketi: as many as cores,
at least 2).
"""
_SOKETI: Final = """\
Keys may be dotted (`"database.redis.host"`) or nested, and are merged; `sockq.workers` and the like
stand in the same file. A variable's value is read as JSON where it is some. What is listed counts;
the name without `SOKETI_` counts where the whole one is not set. Numbers of workers and `${VAR}`
are as above.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        [
            _HEAD,
            "## sockq's own",
            "",
            *_table(OWN_SETTINGS),
            "",
            _FLEET,
            "## Sockudo's",
            "",
            *_table(SERVER_SETTINGS),
            "",
            "## soketi's",
            "",
            _SOKETI,
            *_table(_of_soketi()),
            "",
        ]
    )


def _of_soketi() -> Iterator[Setting]:
    own = {setting.path for setting in OWN_SETTINGS} - {"MODE"}
    return (setting for setting in SETTINGS_WITH_SOKETI if setting.path not in own)


def _table(settings: Iterable[Setting]) -> Iterator[str]:
    yield "| setting | variable | takes | default | what |"
    yield "|---|---|---|---|---|"
    for setting in settings:
        path = f"`{setting.path}`" if setting.in_file else ""
        variables = " ".join(f"`{name}`" for name in setting.env)
        cells = (path, variables, setting.kind.expects, _default(setting), _what(setting))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(setting: Setting) -> str:
    if setting.default_text:
        return setting.default_text
    match setting.default:
        case None:
            return "none"
        case ():
            return "none"
        case float(number):
            return f"`{number:g}`"
        case value:
            return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"


def _what(setting: Setting) -> str:
    return f"{setting.what} Secret." if setting.secret else setting.what
