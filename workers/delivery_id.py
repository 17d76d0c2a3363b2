"""The id by which a receiver tells a repeated delivery from a new one."""

from __future__ import annotations

from hashlib import sha256

_MAX_PLAIN = 128


def delivery_id(job: str, target_id: str) -> bytes:
    """The value of ``X-Sockq-Delivery-Id``: the same over every retry, another for every target.

    Args:
        job: The job's own id, or its lease's: stable over retries. One that is long, or that
            cannot stand in a header, is replaced by the first 128 bits of its SHA-256.
        target_id: The webhook's.
    """
    if job.isalnum() and job.isascii() and len(job) <= _MAX_PLAIN:  # the usual one, told quickly
        return f"{job}:{target_id}".encode("ascii")
    if len(job) > _MAX_PLAIN or " " in job or not (job.isascii() and job.isprintable()):
        job = sha256(job.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{job}:{target_id}".encode("ascii")
