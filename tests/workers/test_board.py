"""The scoreboard: shared with forked and foreign processes, never torn, never shrunk."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockq.workers import board_memory
from sockq.workers.board import (
    BEAT_NS,
    CLAIMED,
    DELIVERED,
    GENERATION,
    IN_FLIGHT,
    STATE,
    STATE_SINCE_NS,
    WorkerState,
)
from sockq.workers.board_memory import MAX_SLOTS, Board, BoardError
from sockq.workers.seqlock import read_text, write_text


def test_slots_do_not_overlap_each_other_nor_the_header() -> None:
    board = Board.create(slots=3)
    parts = [board.header, board.header_text, board.queue, board.queue_text]
    parts += [board.event(0), board.event(board_memory.EVENTS - 1)]
    for index in range(3):
        slot = board.slot(index)
        parts += [slot.words, slot.journal, board.parent_words(index), board.parent_text(index)]
        slot.set_text(f"slot {index}")
    for number, part in enumerate(parts):
        part.cast("B")[-1:] = bytes([number + 1])
    assert [part.cast("B")[-1] for part in parts] == list(range(1, len(parts) + 1))
    assert [board.slot(index).text for index in range(3)] == ["slot 0", "slot 1", "slot 2"]


def test_reset_keeps_counters_and_renews_the_beat() -> None:
    slot = Board.create(slots=1).slot(0)
    slot.words[DELIVERED] += 7
    slot.words[CLAIMED] += 9
    slot.words[IN_FLIGHT] = 4
    slot.set_state(WorkerState.READY)
    slot.reset(generation=2)
    assert (slot.words[DELIVERED], slot.words[CLAIMED]) == (7, 9)
    assert (slot.words[IN_FLIGHT], slot.words[GENERATION]) == (0, 2)
    assert slot.words[STATE] == WorkerState.BOOTING
    assert slot.words[BEAT_NS] > 0


def test_state_since_moves_only_with_the_state() -> None:
    slot = Board.create(slots=1).slot(0)
    slot.set_state(WorkerState.READY)
    since = slot.words[STATE_SINCE_NS]
    slot.set_state(WorkerState.READY)
    assert slot.words[STATE_SINCE_NS] == since
    slot.set_state(WorkerState.DRAINING)
    assert slot.words[STATE_SINCE_NS] > since


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="sealed memory files are Linux's")
def test_nobody_can_shrink_or_grow_it() -> None:
    board = Board.create(slots=1)
    for size in (0, 1 << 30):
        with pytest.raises(PermissionError):
            os.ftruncate(board.fd, size)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_another_process_reads_it_through_proc() -> None:
    board = Board.create(slots=2)
    board.slot(1).words[DELIVERED] = 41
    script = (
        "import os, sys\n"
        "from sockq.workers.board import DELIVERED\n"
        "from sockq.workers.board_memory import Board\n"
        "board = Board.open(os.open(sys.argv[1], os.O_RDONLY))\n"
        "words = board.slot(1).words\n"
        "assert words.readonly\n"
        "print(words[DELIVERED], board.slots)\n"
    )
    path = f"/proc/{os.getpid()}/fd/{board.fd}"
    out = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == ["41", "2"]


def test_a_file_takes_over_where_there_is_no_memfd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    path = tmp_path / "sockq.board"
    board = Board.create(slots=1, path=path)
    assert path.stat().st_mode & 0o777 == 0o600
    board.slot(0).words[DELIVERED] = 5
    fd = os.open(path, os.O_RDONLY)
    assert Board.open(fd).slot(0).words[DELIVERED] == 5
    os.close(fd)
    with pytest.raises(OSError, match="no path"):
        Board.create(slots=1)


@pytest.mark.parametrize("content", [b"", b"x" * 4096, b"\x00" * 4096])
def test_what_is_no_board_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(BoardError):
        Board.open(file.fileno())


def test_a_board_of_another_schema_is_refused() -> None:
    board = Board.create(slots=1)
    board.header[1] = 99
    with pytest.raises(BoardError, match=r"another version of sockq \(scoreboard 99"):
        Board.open(board.fd)


def test_untouched_slots_cost_no_memory() -> None:
    board = Board.create(slots=MAX_SLOTS)
    blocks = os.fstat(board.fd).st_blocks * 512
    assert blocks <= 4 * mmap.PAGESIZE


def test_text_is_cut_at_a_characters_edge() -> None:
    block = memoryview(bytearray(16 + 5))
    write_text(block, "ää\u20acx")
    assert read_text(block) == "ää"


def test_text_that_a_dead_writer_left_half_written_is_empty_until_the_next() -> None:
    block = memoryview(bytearray(64))
    write_text(block, "whole")
    block[:8].cast("Q")[0] |= 1
    assert read_text(block) == ""
    write_text(block, "again")
    assert read_text(block) == "again"


def test_a_reader_never_sees_two_texts_mixed() -> None:
    board = Board.create(slots=1)
    slot = board.slot(0)
    script = (
        "import os, sys\n"
        "from sockq.workers.board_memory import Board\n"
        "slot = Board.open(os.open(sys.argv[1], os.O_RDONLY)).slot(0)\n"
        "seen = {slot.text for _ in range(20000)}\n"
        "bad = [text for text in seen if len(set(text)) > 1]\n"
        "print(len(bad), len(seen) > 1)\n"
    )
    path = f"/proc/{os.getpid()}/fd/{board.fd}"
    if not Path(path).exists():
        pytest.skip("needs /proc")
    reader = subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True
    )
    letters = "abcdefghij"
    turn = 0
    while reader.poll() is None:
        slot.set_text(letters[turn % 10] * (100 + turn % 900))
        turn += 1
    out, _ = reader.communicate()
    assert out.split() == ["0", "True"]
