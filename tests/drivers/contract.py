"""The conformance suite: what every source of every backend must do, on a real server.

A backend subclasses ``SourceContract``, provides the fixture ``make_driver`` (see ``MakeDriver``)
and overrides traits that differ (see ``SourceKit``). The cases themselves are never overridden.

    class TestRedisV1(SourceContract):
        explicit_ids = False

        @pytest.fixture
        async def make_driver(self, redis_server): ...
"""

from __future__ import annotations

from support.contract.claiming import ClaimingContract
from support.contract.dead_letters import DeadLetterContract
from support.contract.kit import MakeDriver
from support.contract.reclaiming import ReclaimingContract
from support.contract.settling import SettlingContract

__all__ = ["MakeDriver", "SourceContract"]


class SourceContract(ClaimingContract, SettlingContract, ReclaimingContract, DeadLetterContract):
    """All cases. No ``Test`` in its name: only subclasses run."""
