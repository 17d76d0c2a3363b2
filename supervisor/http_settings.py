"""Where the fleet answers HTTP, as a value and as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DEFAULT_ADDRESS: Final = "127.0.0.1:9538"
OFF: Final = "off"
#: The Unix socket in the fleet's directory that serves the same.
SOCKET_NAME: Final = "http.sock"
#: Names of other exporters that ``/metrics`` can speak as well.
COMPAT: Final = ("bull", "bullmq")

_PORTS: Final = range(65_536)
_FORM: Final = re.compile(r"(?:(\[[0-9A-Fa-f:.%]+\]|[^:\[\]\s]*):)?([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The HTTP child.

    Attributes:
        host: Address to listen at; empty: all of them.
        port: 0 chooses a free one.
        compat: Other exporters' metrics that are served too, of ``COMPAT``.
    """

    host: str = "127.0.0.1"
    port: int = 9538
    compat: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """``HOST:PORT`` as asked for."""
        return join(self.host, self.port)


def parse_address(text: str) -> tuple[str, int] | None:
    """Host and port of ``HOST:PORT``, ``[V6]:PORT``, ``:PORT`` (all addresses) or ``PORT``.

    Returns:
        Host without brackets, and port; None for ``off``.

    Raises:
        ValueError: One line: it is no such text.
    """
    if text.strip().lower() == OFF:
        return None
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found[2]) not in _PORTS:
        raise ValueError("it is not HOST:PORT")
    host = "127.0.0.1" if found[1] is None else found[1].strip("[]")
    return host, int(found[2])


def complaint_about_address(text: str) -> str | None:
    """Why a text is no address; None: it is one, or ``off``."""
    try:
        parse_address(text)
    except ValueError as error:
        return str(error)
    return None


def parse_compat(text: str) -> tuple[str, ...]:
    """The names in ``bull,bullmq``.

    Raises:
        ValueError: One of them is unknown.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in COMPAT:
            raise ValueError(f"there is no {name[:20]!r}; there are {', '.join(COMPAT)}")
    return names


def complaint_about_compat(text: str) -> str | None:
    """Why a text names no exporters; None: it does."""
    try:
        parse_compat(text)
    except ValueError as error:
        return str(error)
    return None


def join(host: str, port: int) -> str:
    """``HOST:PORT``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
