"""Defaults < file < variables < flags: one value and one origin for every setting of the table."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sockq.supervisor.settings_document import Document
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Choice, Unfit
from sockq.supervisor.settings_table import SETTINGS

Layer = Literal["default", "file", "environment", "flag"]
_MISSING: Final = object()
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value. ``origin`` says where it came from, for a human."""

    value: object = field(repr=False)
    origin: str = "default"
    layer: Layer = "default"


@dataclass(slots=True)
class Layers:
    """What reading found: a value for each path of the table, and every fault."""

    values: dict[str, Value]
    faults: list[str]

    def __getitem__(self, path: str) -> object:
        """The value of a path."""
        return self.values[path].value

    def is_set(self, path: str) -> bool:
        """Whether somebody set it."""
        return self.values[path].layer != "default"


def read_layers(
    document: Document,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    table: Sequence[Setting] = SETTINGS,
) -> Layers:
    """Read every setting from every place.

    Args:
        document: The file.
        environ: Variables.
        flags: Path of a setting to the text given on the command line.
        table: The settings there are.

    Returns:
        The values that count, and a line for everything that does not fit, also where a later
        layer would have covered it: the server would refuse such a file.
    """
    faults: list[str] = []
    values: dict[str, Value] = {}
    broken: set[str] = set()
    for setting in table:
        values[setting.path] = _read_one(setting, document, environ, flags, faults, broken)
    for setting in table:
        source = setting.follows
        if source and values[setting.path].layer == "default" and values[source].layer != "default":
            values[setting.path] = _followed(setting, values[source], source)
    faults += _unknown_own_keys(document, table)
    return Layers(values, faults)


def _followed(setting: Setting, given: Value, source: str) -> Value:
    number = given.value
    if setting.factor is not None and isinstance(number, int | float):
        number = number * setting.factor
    return replace(given, value=number, origin=f"{source}, {given.origin}")


def _read_one(
    setting: Setting,
    document: Document,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    faults: list[str],
    broken: set[str],
) -> Value:
    found = Value(setting.default)
    raw = _look_up(setting, document, faults, broken)
    if raw is not _MISSING:
        where = f"{document.name}: {setting.path}"
        try:
            found = Value(setting.kind.from_file(raw), document.name, "file")
        except Unfit as unfit:
            faults.append(_misfit(setting, where, raw, unfit, "correct it or leave it out"))
    given = False
    for name in _variables(setting, environ):
        text = environ.get(name)
        if text is None or (not text and not setting.empty_counts):
            continue
        try:
            value = Value(setting.kind.from_text(text) if text else None, name, "environment")
        except Unfit as unfit:
            faults.append(_misfit(setting, name, text, unfit, "correct or unset it"))
        else:
            found, given = (found if given else value), True
    if (text := flags.get(setting.path)) is not None:
        last = setting.path.rpartition(".")[2]
        flag = setting.flag or f"--{last.replace('_', '-').lower()}"
        try:
            found = Value(setting.kind.from_text(text), flag, "flag")
        except Unfit as unfit:
            faults.append(_misfit(setting, flag, text, unfit, "correct it"))
    return found


def _variables(setting: Setting, environ: Mapping[str, str]) -> tuple[str, ...]:
    if setting.bare and not any(environ.get(name) for name in setting.env):
        return (setting.bare,)
    return setting.env


def _look_up(setting: Setting, document: Document, faults: list[str], broken: set[str]) -> object:
    """The raw value in the file, or ``_MISSING``. A section that is no table is told once."""
    if not setting.in_file:
        return _MISSING
    table: object = document.content
    *sections, last = setting.path.split(".")
    walked: list[str] = []
    for section in sections:
        assert isinstance(table, Mapping)
        if section not in table:
            return _MISSING
        walked.append(section)
        table = table[section]
        if not isinstance(table, Mapping):
            path = ".".join(walked)
            if path not in broken:
                broken.add(path)
                faults.append(
                    f"{document.name}: {path}: expected a table, found {shown(table)};"
                    " correct it or leave it out"
                )
            return _MISSING
    assert isinstance(table, Mapping)
    for name in (last, *setting.aliases):
        if name in table:
            return table[name]
    return _MISSING


def _misfit(setting: Setting, where: str, raw: object, unfit: Unfit, todo: str) -> str:
    reason = str(unfit)
    found = f": {reason}" if reason else "" if setting.secret else f", found {shown(raw)}"
    guess = ""
    if isinstance(raw, str) and isinstance(setting.kind, Choice):
        close = difflib.get_close_matches(raw.lower(), setting.kind.words, n=1)
        guess = f' (did you mean "{close[0]}"?)' if close else ""
    return f"{where}: expected {setting.kind.expects}{found}{guess}; {todo}"


def shown(raw: object) -> str:
    """A raw value as messages show it: short, on one line."""
    match raw:
        case Mapping():
            return "a table"
        case list():
            return "a list"
        case None:
            return "null"
        case _:
            text = json.dumps(raw, ensure_ascii=False, default=str)
            return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unknown_own_keys(document: Document, table: Sequence[Setting]) -> list[str]:
    own = document.content.get("sockq", {})
    if not isinstance(own, Mapping):
        return []
    known = [s.path.removeprefix("sockq.") for s in table if s.path.startswith("sockq.")]
    sections = {name.partition(".")[0] for name in known if "." in name}
    faults = []
    for key in _paths(own, sections):
        if key in known:
            continue
        close = difflib.get_close_matches(key, known, n=1)
        guess = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(known)}"
        faults.append(f"{document.name}: sockq.{key}: there is no such setting; {guess}")
    return faults


def _paths(own: Mapping[str, object], sections: set[str]) -> Iterator[str]:
    """The keys of ``[sockq]``; those of a section as ``section.key``."""
    for key, value in own.items():
        if key not in sections:
            yield str(key)
        elif isinstance(value, Mapping):  # else it is told already that it should be a table
            yield from (f"{key}.{inner}" for inner in value)
