"""Settings read from a file's content, variables and flags."""

from __future__ import annotations

from typing import Any

from sockq.supervisor.settings_document import Document
from sockq.supervisor.settings_layers import Layers, read_layers

FILE = "sockudo.toml"


def layers(
    content: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    flags: dict[str, str] | None = None,
) -> Layers:
    """Read a file of this content (None: there is none) with these variables and flags."""
    document = Document(FILE, content) if content is not None else Document()
    return read_layers(document, environ or {}, flags or {})
