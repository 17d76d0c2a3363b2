"""Fixtures of the driver tests."""

from support.broker_fixtures import broker as broker  # noqa: PLC0414 - a fixture, used by name
from support.broker_fixtures import broker_path as broker_path  # noqa: PLC0414 - as above
from support.broker_fixtures import memory_source as memory_source  # noqa: PLC0414 - as above
from support.broker_fixtures import raw_client as raw_client  # noqa: PLC0414 - as above
from support.redis_fixtures import any_redis as any_redis  # noqa: PLC0414 - as above
from support.redis_fixtures import (
    changing_cluster as changing_cluster,  # noqa: PLC0414 - a fixture, used by name
)
from support.redis_fixtures import redis_6 as redis_6  # noqa: PLC0414 - a fixture, used by name
from support.redis_fixtures import redis_cluster as redis_cluster  # noqa: PLC0414 - as above
from support.redis_fixtures import (
    redis_cluster_node as redis_cluster_node,  # noqa: PLC0414 - as above
)
from support.redis_fixtures import redis_prefix as redis_prefix  # noqa: PLC0414 - as above
from support.redis_fixtures import redis_server as redis_server  # noqa: PLC0414 - as above
from support.sqs_fixtures import _sqs_process as _sqs_process  # noqa: PLC0414 - as above
from support.sqs_fixtures import sqs_client as sqs_client  # noqa: PLC0414 - as above
from support.sqs_fixtures import sqs_queue as sqs_queue  # noqa: PLC0414 - as above
from support.sqs_fixtures import sqs_server as sqs_server  # noqa: PLC0414 - as above
from support.sqs_sources import sqs_calls as sqs_calls  # noqa: PLC0414 - as above
from support.sqs_sources import sqs_open as sqs_open  # noqa: PLC0414 - as above
