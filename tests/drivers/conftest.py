"""Fixtures of the driver tests."""

from support.redis_fixtures import redis_6 as redis_6  # noqa: PLC0414 - a fixture, used by name
from support.redis_fixtures import redis_prefix as redis_prefix  # noqa: PLC0414 - as above
from support.redis_fixtures import redis_server as redis_server  # noqa: PLC0414 - as above
