"""Where a fleet lives when nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockq.supervisor.settings_directory import complaint_about_directory, default_directory


@pytest.mark.parametrize(
    ("runtime", "usable", "directory"),
    [
        ("/run/user/7", {"/run/user/7/sockq", "/run/sockq"}, "/run/user/7/sockq"),
        ("/run/user/7", {"/run/sockq"}, "/run/sockq"),
        ("", {"/run/sockq"}, "/run/sockq"),
        ("relative", {"relative/sockq"}, "/tmp/sockq-7"),
        ("", set(), "/tmp/sockq-7"),
    ],
)
def test_the_first_usable_place_counts(runtime: str, usable: set[str], directory: str) -> None:
    environ = {"XDG_RUNTIME_DIR": runtime}
    found = default_directory(environ, 7, lambda path: str(path) in usable, Path("/tmp"))
    assert found == Path(directory)


def test_a_runtime_directory_of_the_user_is_really_asked_for(tmp_path: Path) -> None:
    assert default_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "sockq"
    assert default_directory({"XDG_RUNTIME_DIR": str(tmp_path / "gone")}) != tmp_path / "gone/sockq"


def test_a_path_that_cannot_hold_sockets_has_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert complaint_about_directory(tmp_path / "file") is not None
    assert "too long" in (complaint_about_directory(Path("/" + "x" * 100)) or "")
    assert complaint_about_directory(Path("/nowhere/yet")) is None
