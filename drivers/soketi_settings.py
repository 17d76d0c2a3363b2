"""What the driver for soketi's queues needs to know."""

from __future__ import annotations

from sockq.drivers.settings import BullmqSettings

__all__ = ["BullmqSettings"]
