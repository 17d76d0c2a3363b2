"""What a host's name or address says of where it is. Pure."""

from __future__ import annotations

import ipaddress


def is_local(host: str) -> bool:
    """Whether a name or address is of this machine."""
    if host.lower().rstrip(".") in {"localhost", ""} or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether a host is, by its looks, not on the public Internet: a bare name or private range."""
    if is_local(host):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith((".internal", ".local", ".lan", ".svc", ".home"))
