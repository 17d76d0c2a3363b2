"""``python -m sockq.supervisor`` is ``sockq``."""

from __future__ import annotations

import sys

from sockq.supervisor.cli import main

if __name__ == "__main__":
    sys.exit(main())
