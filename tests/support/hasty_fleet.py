"""``sockq`` whose webhooks grow old soon: ``python hasty_fleet.py run --dir DIR …``.

A webhook that is held back is worth a second, not a minute, once it is older than 290 s.
"""

from __future__ import annotations

from sockq.supervisor.cli import main
from sockq.workers import retry

if __name__ == "__main__":
    retry.LEAST_MS = 1000
    main()
