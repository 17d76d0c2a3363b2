"""One row of the table of settings."""

from __future__ import annotations

from dataclasses import dataclass

from sockq.supervisor.settings_kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        path: Dotted path in the file; for one that only a variable sets, the variable's name.
        kind: What values it takes.
        what: One line for the reference.
        env: Variables that set it; the first one that is set and not empty counts.
        default: Its value when nobody says otherwise; None where it is derived or absent.
        default_text: How the default is told when it is derived.
        secret: Never shown.
        follows: Another setting that gives the value when that one is set and this one is not.
        factor: What a followed value is multiplied with (0.001: milliseconds to seconds).
        aliases: Other names of the last part of the path in a file.
        empty_counts: An empty variable means "none"; elsewhere it means "not set".
        in_file: Whether a file can set it.
        flag: How the command line spells it, where that does not follow from the path.
        bare: A variable that counts when none of ``env`` is set.
    """

    path: str
    kind: Kind
    what: str
    env: tuple[str, ...] = ()
    default: object = None
    default_text: str = ""
    secret: bool = False
    follows: str | None = None
    factor: float | None = None
    aliases: tuple[str, ...] = ()
    empty_counts: bool = False
    in_file: bool = True
    flag: str = ""
    bare: str = ""
