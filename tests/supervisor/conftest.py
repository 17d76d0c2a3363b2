"""Fixtures of the supervisor's tests."""

from __future__ import annotations

from support.fleet_fixtures import start

__all__ = ["start"]
