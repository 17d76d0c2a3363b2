"""Configuration files: both formats, variables in them, and faults that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockq.supervisor.settings_document import read_document, substitute


def test_without_a_file_there_is_nothing_and_no_fault() -> None:
    assert read_document(None, {}).content == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.toml", '[queue]\ndriver = "redis"\n'),
        ("c.TOML", '[queue]\ndriver = "redis"\n'),
        ("c.json", '{"queue": {"driver": "redis"}}'),
        ("config", '{"queue": {"driver": "redis"}}'),
        ("bom.json", '\ufeff{"queue": {"driver": "redis"}}'),
    ],
)
def test_the_suffix_decides_the_format(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    document = read_document(tmp_path / name, {})
    assert document.faults == ()
    assert document.content == {"queue": {"driver": "redis"}}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("c.toml", b"[queue\n", "is not TOML"),
        ("c.toml", b"a = 1\nb = \n", "line 2"),
        ("c.json", b'{"a": 1,}', "line 1, column"),
        ("c.json", b'{\n// no\n"a": 1}', "line 2"),
        ("c.json", b"[queue]\na = 1", "must be named .toml"),
        ("c.json", b'{"a": NaN}', "NaN is not JSON"),
        ("c.json", b"[1]", "is not a JSON object"),
        ("c.json", b"", "is not JSON"),
        ("c.json", b'{"a": "\xff"}', "is not UTF-8"),
        ("c.json", b"[" * 100_000, "JSON"),
    ],
)
def test_a_broken_file_is_one_line_that_says_where(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (fault,) = read_document(tmp_path / name, {}).faults
    assert fault.startswith(str(tmp_path / name))
    assert complaint in fault
    assert "\n" not in fault


def test_a_missing_file_and_a_directory_are_faults(tmp_path: Path) -> None:
    assert "no such file" in read_document(tmp_path / "none.toml", {}).faults[0]
    assert "cannot be read" in read_document(tmp_path, {}).faults[0]


@pytest.mark.parametrize(
    ("text", "environ", "result"),
    [
        ("a ${X} b", {"X": "1"}, "a 1 b"),
        ("${X:-dflt}", {}, "dflt"),
        ("${X:-}", {}, ""),
        ("${X:-dflt}", {"X": ""}, "dflt"),
        ("${X:-dflt}", {"X": "1"}, "1"),
        ("${X:-redis://h:1/0}", {}, "redis://h:1/0"),
        ("$X ${} ${1a} $${X}", {"X": "1"}, "$X ${} ${1a} $1"),
        ("${X}", {"X": "${Y}"}, "${Y}"),
    ],
)
def test_variables_are_put_into_the_text(text: str, environ: dict[str, str], result: str) -> None:
    assert substitute(text, environ) == (result, [])


def test_every_variable_without_value_is_a_fault_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('a = "${ONE}"\n\nb = "${TWO}"\nc = "${THREE:-3}"\n')
    faults = read_document(path, {"TWO": ""}).faults
    assert [("line 1" in fault, "ONE" in fault) for fault in faults[:1]] == [(True, True)]
    assert [("line 3" in fault, "TWO" in fault) for fault in faults[1:]] == [(True, True)]


def test_a_key_that_stands_twice_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"queue": {"driver": "redis", "driver": "memory"}}')
    document = read_document(path, {})
    assert document.content == {"queue": {"driver": "memory"}}
    assert [("driver" in line, "twice" in line) for line in document.warnings] == [(True, True)]
