"""What the janitor writes on the board: counts of the queue, and whether the backend answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from sockq.drivers.source import QueueStats
from sockq.supervisor import board_words as words
from sockq.workers.board import NS
from sockq.workers.board_memory import Board
from sockq.workers.seqlock import write_text


class QueueBoard:
    """The queue region of the board. One writer: the janitor that runs now."""

    def __init__(self, board: Board) -> None:
        self._words = board.queue
        self._text = board.queue_text

    def set(self, word: int, value: int) -> None:
        """Write one word."""
        self._words[word] = value

    def add(self, word: int, count: int) -> None:
        """Count up; the counts go on over the janitor's restarts."""
        self._words[word] += count

    def sample(self, stats: Mapping[str, QueueStats]) -> None:
        """Write the counts of each source, all in one block."""
        self._evicted(sum(one.evicted for one in stats.values()))
        self.set(words.QUEUE_SAMPLED_NS, time.monotonic_ns())
        told = [
            {
                "name": name,
                "ready": one.ready,
                "leased": one.leased,
                "delayed": one.delayed,
                "dead": one.dead,
                "oldest_seconds": one.oldest_seconds,
                "evicted": one.evicted,
            }
            for name, one in stats.items()
        ]
        write_text(self._text, json.dumps(told, separators=(",", ":")))

    def _evicted(self, said: int) -> None:
        """Go on counting where a backend that was started anew begins at 0."""
        before = self._words[words.QUEUE_EVICTED_SAID]
        more = said - before if said >= before else said
        if more:
            self.add(words.QUEUE_EVICTED, more)
            self.set(words.QUEUE_EVICTED_NS, time.monotonic_ns())
        self.set(words.QUEUE_EVICTED_SAID, said)

    def up(self) -> float:
        """The backend answers; returns for how many seconds it had been down, or 0."""
        now = time.monotonic_ns()
        down_since = self._words[words.BACKEND_DOWN_SINCE_NS]
        if not self._words[words.BACKEND_UP_SINCE_NS]:
            self.set(words.BACKEND_UP_SINCE_NS, now)
        self.set(words.BACKEND_DOWN_SINCE_NS, 0)
        return max(0.0, (now - down_since) / NS) if down_since else 0.0

    def down(self) -> bool:
        """The backend does not answer; True when it did until now."""
        if self._words[words.BACKEND_DOWN_SINCE_NS]:
            return False
        self.set(words.BACKEND_DOWN_SINCE_NS, time.monotonic_ns())
        self.set(words.BACKEND_UP_SINCE_NS, 0)
        return True
