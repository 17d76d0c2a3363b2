"""``sockq`` with workers that can be told to misbehave: ``python bent_fleet.py run --dir DIR …``.

The file ``bent`` beside DIR says how the workers that start from now on behave, by number as text,
``*`` for the others:

    hang-boot    blocks before it is ready, as an import or a look-up may
    crash        ends with 3 before it is ready
    leak         takes two more megabytes each second, for good

Every worker seizes the interpreter for good when SIGUSR1 comes, as C code that never lets go does.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path

from sockq.supervisor.cli import main
from sockq.workers import process
from sockq.workers.process import WorkerContext, run_worker

_FOREVER = 10**12


def _hang_boot() -> None:
    time.sleep(600)


def _leak() -> None:
    kept = []
    while True:
        kept.append(b"\xff" * (1 << 20))
        time.sleep(0.5)


def _seize(*_: object) -> None:
    sum(range(_FOREVER))  # in C, without a look at signals or a thought of others


def _behaviour(index: int) -> str:
    path = Path(sys.argv[sys.argv.index("--dir") + 1]).with_name("bent")
    told = json.loads(path.read_text()) if path.exists() else {}
    return str(told.get(str(index), told.get("*", "")))


def _bent_worker(context: WorkerContext) -> int:
    signal.signal(signal.SIGUSR1, _seize)
    match _behaviour(context.index):
        case "hang-boot":
            _hang_boot()
        case "crash":
            return 3
        case "leak":
            threading.Thread(target=_leak, daemon=True).start()
    return run_worker(context)


if __name__ == "__main__":
    # where the fleet looks it up when a worker has been forked
    process.run_worker = _bent_worker
    main()
