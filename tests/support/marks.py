"""Marks of jobs, as the parent makes them of what stands in a dead worker's journal."""

from __future__ import annotations

from collections.abc import Iterable

from sockq.drivers.job import Lease
from sockq.drivers.job_mark import mark_of


def marks(leases: Iterable[Lease]) -> frozenset[str]:
    """Blame for all of these."""
    return frozenset(mark_of(lease.id) for lease in leases)
