"""How many workers: ``--workers``, ``SOCKQ_WORKERS``, ``[sockq] workers``, the server's, ours."""

from __future__ import annotations

from sockq.supervisor.settings_layers import Layers, Value


def worker_count(layers: Layers, driver: str, cores: int) -> Value:
    """Decide the number of workers.

    Args:
        layers: The settings.
        driver: The driver in use.
        cores: Processors this process may use.

    Returns:
        At least 1. A server's ``concurrency`` of 0 is how a server is made to produce only; here
        it means "the server leaves it to me": as many as cores, at least 2.
    """
    own = layers.values["sockq.workers"]
    if own.value is not None:
        return own
    if driver == "none":
        return Value(1, "queue.driver none")
    if driver == "memory":
        return Value(max(2, cores), "default: cores, at least 2")
    path = "queue.redis.concurrency"
    if driver in {"redis-cluster", "sqs"}:
        path = f"queue.{driver.replace('-', '_')}.concurrency"
    given = layers.values.get(path)
    if given is None:  # soketi has none for SQS
        return Value(max(2, cores), "default: cores, at least 2")
    origin = f"{path}, {given.origin}"
    if given.value == 0:
        return Value(max(2, cores), f"{origin}, is 0: cores, at least 2", given.layer)
    return Value(given.value, origin, given.layer)
