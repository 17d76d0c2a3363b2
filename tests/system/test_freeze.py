"""The whole tree is frozen for longer than any process may be silent: nobody is blamed for it."""

from __future__ import annotations

import os
import signal
import time

import psutil
import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.workers.deadman import GRACE_SECONDS

HANG_SECONDS = 1
#: Twice what a worker may be silent, and beyond the first stage of its dead-man alarm.
FREEZE_SECONDS = 4.0


def test_real_workers_survive_a_freeze_of_the_whole_tree(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink({}) as sink:
        config = redis_config(server.url, app(1, sink.url), hang_seconds=HANG_SECONDS)
        with Fleet(config, workers=2) as fleet:
            tree = [fleet.pid, *(one.pid for one in psutil.Process(fleet.pid).children())]
            for pid in tree:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(FREEZE_SECONDS)  # the freeze itself
            for pid in tree:
                os.kill(pid, signal.SIGCONT)
            client.rpush(KEY, job("thawed"))
            until(lambda: sink.count == 1, within=5, explain=fleet.log)
            time.sleep(GRACE_SECONDS + 1)  # an alarm that nobody took back would ring within this
            now = [fleet.pid, *(one.pid for one in psutil.Process(fleet.pid).children())]
            assert now == tree, fleet.log()
            assert '"process-ended"' not in fleet.log()
