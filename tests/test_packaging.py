"""What an installation holds, and that no module can be imported under two names."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import pytest
from support.repository import ROOT, project, tracked_files

FLOORS = ("drivers", "workers", "supervisor")


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_is_imported_under_its_full_name_only(floor: str) -> None:
    # `drivers` may be found as the folder of tests of that name; the source must not be in it.
    spec = importlib.util.find_spec(floor)
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    assert str(ROOT / floor) not in [str(Path(place).resolve()) for place in places]
    assert importlib.util.find_spec(f"sockq.{floor}") is not None


def test_the_checkout_itself_is_not_on_the_path() -> None:
    assert ROOT not in [Path(entry).resolve() for entry in sys.path]


def test_sockq_is_a_namespace_without_a_file() -> None:
    spec = importlib.util.find_spec("sockq")
    assert spec is not None
    assert spec.origin is None


@pytest.mark.parametrize("floor", FLOORS)
def test_types_are_announced(floor: str) -> None:
    assert files(f"sockq.{floor}").joinpath("py.typed").is_file()


def test_lua_is_read_from_the_installation() -> None:
    written = sorted(path.name for path in (ROOT / "drivers" / "lua").glob("*.lua"))
    installed = {entry.name: entry for entry in files("sockq.drivers").joinpath("lua").iterdir()}
    assert written
    assert sorted(installed) == written
    for name in written:
        first, _, rest = installed[name].read_text(encoding="utf-8").partition("\n")
        header = rest.partition("\nlocal ")[0]
        assert first.startswith("#!lua"), name
        assert "KEYS" in header or "ncluded" in header, f"{name} does not open with its keys"


def test_every_file_of_the_floors_is_shipped() -> None:
    setuptools = project()["tool"]["setuptools"]
    packages, data = setuptools["packages"], setuptools["package-data"]
    assert setuptools["package-dir"] == {f"sockq.{floor}": floor for floor in FLOORS}
    for path in tracked_files():
        floor, *inner = path.relative_to(ROOT).parts
        if floor not in FLOORS:
            continue
        if path.suffix == ".py":
            assert ".".join(["sockq", floor, *inner[:-1]]) in packages, path
        else:
            name = "/".join(inner)
            assert any(fnmatch(name, pattern) for pattern in data[f"sockq.{floor}"]), path


def test_the_installed_version_and_command_are_those_of_the_project() -> None:
    about = project()["project"]
    assert importlib.metadata.version("sockq") == about["version"]
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="sockq")
    assert command.value == about["scripts"]["sockq"]
    assert callable(command.load())


def test_help_loads_no_client_library() -> None:
    heavy = ["boto3", "httptools", "pydantic", "redis", "rich.live", "urllib3"]
    probe = f"import sys, sockq.supervisor.cli; print([x for x in {heavy} if x in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == "[]"
