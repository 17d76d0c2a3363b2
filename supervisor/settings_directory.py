"""Where a fleet lives when nobody says: lock, board, control socket, broker socket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

#: A Unix socket's path must fit 104 bytes (macOS) including its end; leave room for the name.
LONGEST_DIRECTORY: Final = 80


def default_directory(
    environ: Mapping[str, str],
    uid: int | None = None,
    usable: Callable[[Path], bool] | None = None,
    temporary: Path | None = None,
) -> Path:
    """The directory of the fleet of this user.

    Args:
        environ: For ``XDG_RUNTIME_DIR``.
        uid: Of the user; None: of this process.
        usable: Whether a directory can be made or written; None: asks the system.
        temporary: The system's directory for temporary files; None: asks the system.

    Returns:
        ``$XDG_RUNTIME_DIR/sockq``, else ``/run/sockq`` where that can be used, else
        ``TMP/sockq-UID``. It need not exist yet.
    """
    uid = os.getuid() if uid is None else uid
    usable = usable or _usable
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and usable(Path(runtime, "sockq")):
        return Path(runtime, "sockq")
    if usable(Path("/run/sockq")):
        return Path("/run/sockq")
    return (temporary or Path(tempfile.gettempdir())) / f"sockq-{uid}"


def place_of(directory: Path | None) -> Path:
    """The directory of the fleet that a command means: as given, or by the environment."""
    given = directory or os.environ.get("SOCKQ_DIR") or default_directory(os.environ)
    return Path(given).expanduser().absolute()


def complaint_about_directory(path: Path) -> str | None:
    """Why a fleet cannot live there, as far as the path alone tells; None: it can."""
    if len(os.fsencode(path.absolute())) > LONGEST_DIRECTORY:
        return f"the path is longer than {LONGEST_DIRECTORY} bytes, too long for Unix sockets"
    if path.exists() and not path.is_dir():
        return "it is not a directory"
    return None


def _usable(path: Path) -> bool:
    place = path if path.exists() else path.parent
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
