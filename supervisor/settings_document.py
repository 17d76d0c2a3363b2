"""A configuration file: ``${VAR}`` put in, TOML or strict JSON parsed, faults with a line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file.

    Attributes:
        name: How messages call it; empty when there is no file.
        content: The top-level table.
        faults: Lines that say why it could not be read; then ``content`` is empty.
        warnings: Lines about what works but surprises.
    """

    name: str = ""
    content: Mapping[str, object] = field(default_factory=dict, repr=False)
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_document(path: Path | None, environ: Mapping[str, str]) -> Document:
    """Read a configuration file.

    Args:
        path: The file; None: there is none.
        environ: For ``${VAR}`` and ``${VAR:-default}``; an empty variable counts as unset.

    Returns:
        The document, with faults instead of content when it cannot be used.
    """
    if path is None:
        return Document()
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return _broken(name, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")
    except FileNotFoundError:
        return _broken(name, "there is no such file", "check --config")
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        return _broken(name, f"cannot be read ({reason})", "check its path and rights")
    text, faults = substitute(text, environ)
    if faults:
        return Document(name, faults=tuple(f"{name}: {fault}" for fault in faults))
    return _parse_toml(name, text) if path.suffix.lower() == ".toml" else _parse_json(name, text)


def substitute(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Put variables into a file's raw text, as Sockudo 5 does.

    Returns:
        The text, and a line for each variable that is neither set nor has a default.
    """
    faults: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if given := environ.get(name):
            return given
        if default is None:
            line = text.count("\n", 0, match.start()) + 1
            faults.append(
                f"line {line}: the variable {name} is not set;"
                f" set it, or write ${{{name}:-DEFAULT}}"
            )
        return default or ""

    return _VARIABLE.sub(value, text), faults


def _parse_toml(name: str, text: str) -> Document:
    try:
        return Document(name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        return _broken(name, f"is not TOML: {_one_line(str(error))}", "mend that place")
    except RecursionError:
        return _broken(name, "is nested too deeply", "mend it")


def _parse_json(name: str, text: str) -> Document:
    twice: list[str] = []

    def table(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.extend(sorted({key for key in keys if keys.count(key) > 1}))
        return made

    def refuse(word: str) -> NoReturn:
        raise _NotJsonError(word)

    try:
        content = json.loads(text, object_pairs_hook=table, parse_constant=refuse)
    except json.JSONDecodeError as error:
        hint = (
            ""
            if text.lstrip().startswith("{") or not text.strip()
            else " (a TOML file must be named .toml)"
        )
        what = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}{hint}"
        return _broken(name, what, "mend that place; comments and trailing commas are not JSON")
    except (_NotJsonError, RecursionError, ValueError) as error:
        what = f"{error} is not JSON" if isinstance(error, _NotJsonError) else "is not usable JSON"
        return _broken(name, what, "mend it")
    if not isinstance(content, dict):
        return _broken(name, "is not a JSON object at its top", 'start it with "{"')
    warnings = tuple(f'{name}: the key "{key}" appears twice; the last one counts' for key in twice)
    return Document(name, content, warnings=warnings)


class _NotJsonError(Exception):
    """A word that Python's parser takes and JSON does not have."""


def _broken(name: str, what: str, todo: str) -> Document:
    separator = " " if what.startswith(("is ", "cannot ")) else ": "
    return Document(name, faults=(f"{name}{separator}{what}; {todo}",))


def _one_line(text: str) -> str:
    return " ".join(text.split())
