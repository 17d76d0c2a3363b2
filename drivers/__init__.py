"""Queues: backends, sources, leases and wire formats. Knows nothing of HTTP or processes."""
