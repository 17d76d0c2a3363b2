"""One line that sums a fleet up: ``status --watch``. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_picture import Reading


class LineMaker:
    """Makes lines; rates come from the documents before."""

    def __init__(self) -> None:
        self._model = Model()

    def line(self, readings: Sequence[Reading]) -> str:
        """The state now, in one line."""
        picture = self._model.take(readings)
        at = time.strftime("%H:%M:%SZ", time.gmtime(picture.at))
        parts = [at, f"{picture.state:<8}"]
        if picture.there:
            queue, rates = picture.queue, picture.rates
            share = rates.error_percent
            parts += [
                f"waiting {numbers.count(queue.get('ready'))}",
                f"oldest {numbers.seconds(queue.get('oldest_seconds'))}",
                f"ok {numbers.rate(rates.ok)}/s",
                f"err {'-' if share is None else numbers.percent(share) + '%'}",
                f"in flight {picture.in_flight}",
                f"dead {numbers.count(queue.get('dead'))}",
                f"workers {picture.serving}/{picture.wanted}",
            ]
            if picture.disabled:
                parts.append(f"disabled endpoints {picture.disabled}")
        if picture.problems:
            worst = picture.problems[0]
            more = f" (+{len(picture.problems) - 1})" if len(picture.problems) > 1 else ""
            parts.append(f"{worst['kind']}: {worst['text']}{more}")
        return "  ".join(parts)
