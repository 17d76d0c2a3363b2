"""Rules of the house that no linter knows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.repository import ROOT, project, tracked_files

LONGEST = 300
RECORDED = "fixtures"  # recordings of real servers are kept as they are
SOURCE = {".py", ".lua", ".md", ".toml", ".yaml", ".sh", ".service", ""}

# Written in halves, so that this file keeps its own rule.
FORBIDDEN = {
    "a path of the machine it was built on": re.compile(r"(?<![\w.:/-])/(?:wor" r"k|roo" r"t)/"),
    "a package registry's host": re.compile(
        r"pypi\.o" r"rg|pythonhoste" r"d\.org|registry\.np" r"mjs"
    ),
    "work left for later": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"),
}


def texts() -> list[tuple[str, str]]:
    """(path, text) of every tracked file that is written by hand."""
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in SOURCE and RECORDED not in path.parts and name != "LICENSE":
            found.append((name, path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_is_written_down(what: str) -> None:
    hits = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]
    assert hits == []


def test_files_stay_small() -> None:
    lengths = {name: len(text.splitlines()) for name, text in texts()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
    assert lengths  # the list itself was read


def test_files_end_with_one_newline_and_carry_no_return() -> None:
    wrong = [
        name
        for name, text in texts()
        if text and (not text.endswith("\n") or text.endswith("\n\n") or "\r" in text)
    ]
    assert wrong == []


def test_the_changelog_is_about_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, flags=re.MULTILINE)
    assert released[0] == project()["project"]["version"]


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name, text in texts()
        if name.endswith(".md")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
        if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("script", [".ci/run", ".ci/venv", ".ci/needs"])
def test_scripts_can_be_run(script: str) -> None:
    path: Path = ROOT / script
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!")
