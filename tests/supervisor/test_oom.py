"""The kernel's count of processes that it ended for memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockq.supervisor.oom import OomCounter, find_counter


def write(path: Path, kills: int) -> None:
    path.write_text(f"low 0\noom 7\noom_kill {kills}\n")


def test_each_kill_explains_one_death(tmp_path: Path) -> None:
    path = tmp_path / "memory.events"
    write(path, 3)
    counter = OomCounter(path)
    assert not counter.grew(), "those before our start"
    write(path, 5)
    assert counter.grew()
    assert counter.grew()
    assert not counter.grew()


def test_a_kill_is_still_new_at_the_next_look_and_old_at_the_one_after(tmp_path: Path) -> None:
    path = tmp_path / "memory.events"
    write(path, 0)
    counter = OomCounter(path)
    counter.watch(0.0)
    write(path, 1)
    counter.watch(0.5)  # too soon: no look
    counter.watch(1.0)
    assert counter.grew(), "the process takes a moment to go"
    write(path, 2)
    counter.watch(2.0)
    counter.watch(3.0)
    assert not counter.grew(), "somebody else's"


def test_nothing_grows_where_nothing_counts(tmp_path: Path) -> None:
    counter = OomCounter(tmp_path / "missing")
    counter.watch(0.0)
    assert not counter.grew()


@pytest.mark.parametrize(
    ("groups", "made", "found"),
    [
        ("0::/a/b\n", "a/b/memory.events", "a/b/memory.events"),
        (
            "9:name=systemd:/\n4:cpu,memory:/x\n0::/\n",
            "memory/x/memory.oom_control",
            "memory/x/memory.oom_control",
        ),
        ("0::/\n", "vmstat", "vmstat"),
        ("0::/\n", "nothing", None),
    ],
)
def test_the_group_s_own_counter_comes_first(
    tmp_path: Path, groups: str, made: str, found: str | None
) -> None:
    (tmp_path / "cgroup").write_text(groups)
    root = tmp_path / "root"
    (root / made).parent.mkdir(parents=True)
    (root / made).touch()
    path = find_counter(tmp_path / "cgroup", root, root / "vmstat")
    assert path == (None if found is None else root / found)
