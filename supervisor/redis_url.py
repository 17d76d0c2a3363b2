"""Redis URLs: composed as the server composes them, checked, and shown without their password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

_SCHEMES: Final = ("redis://", "rediss://")
_HINT: Final = "percent-encode special characters in the password"


def compose(
    host: str, port: int, db: int, username: str | None, password: str | None, *, tls: bool
) -> str:
    """Compose a URL from ``database.redis``, as the server does.

    Args:
        host: A name or address; may start with ``redis://`` or ``rediss://``.
        port: 1 to 65535.
        db: Number of the database.
        username: Taken as it is, not percent-encoded (the server's way), or None.
        password: Percent-encoded here; an empty one still yields ``:@``; None leaves it out.
        tls: ``master_tls.enabled``: turns ``redis://`` into ``rediss://``.

    Returns:
        The URL. Secret: it carries the password.
    """
    scheme = "rediss://" if tls or host.startswith("rediss://") else "redis://"
    bare = host.removeprefix("rediss://").removeprefix("redis://")
    if ":" in bare and not bare.startswith("["):
        bare = f"[{bare}]"  # IPv6
    user = username or ""
    secret = "" if password is None else f":{quote(password, safe='')}"
    at = "@" if username is not None or password is not None else ""
    return f"{scheme}{user}{secret}{at}{bare}:{port}/{db}"


def complaint_about(url: str) -> str | None:
    """What is wrong with a whole Redis URL, without showing it; None: nothing."""
    if not url.startswith(_SCHEMES):
        return "it does not start with redis:// or rediss://"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"its host or port cannot be read ({_HINT})"
    if not host:
        return f"it names no host ({_HINT})"
    db = parts.path.strip("/")
    if db and not (db.isascii() and db.isdigit()):
        return f"its database is not a number ({_HINT})"
    return "its port is 0" if port == 0 else None


def complaint_about_node(node: str) -> str | None:
    """What is wrong with the URL or ``host:port`` of a cluster's node; None: nothing."""
    url = node if "://" in node else f"redis://{node}"
    if complaint := complaint_about(url):
        return complaint
    if urlsplit(url).path.strip("/").strip("0"):
        return "a cluster has database 0 only"
    return None


def node_urls(
    nodes: Sequence[str], username: str | None, password: str | None, *, tls: bool
) -> tuple[str, ...]:
    """Return the URLs of a cluster's nodes. Secret.

    Args:
        nodes: URLs, which the server takes verbatim, or ``host:port``, which it cannot use.
        username: For those without a scheme.
        password: For those without a scheme.
        tls: For those without a scheme.
    """
    urls = []
    for node in nodes:
        if "://" not in node:
            parts = urlsplit(f"redis://{node}")
            host, port = parts.hostname or "", parts.port or 6379
            urls.append(compose(host, port, 0, username, password, tls=tls))
        else:
            urls.append(node)
    return tuple(urls)


def differ(urls: Sequence[str]) -> bool:
    """Whether nodes differ in more than their address: scheme, user or password."""
    return len({(u.scheme, u.username, u.password) for u in map(urlsplit, urls)}) > 1


def complaint_about_host(host: str) -> str | None:
    """What is wrong with ``database.redis.host``; None: nothing."""
    bare = host.removeprefix("rediss://").removeprefix("redis://")
    if any(sign in bare for sign in "/@?#") or any(sign.isspace() for sign in bare):
        return "it is more than a host name"
    name, colon, port = bare.rpartition(":")
    if colon and ":" not in name and port.isdigit():
        return "it carries a port"
    return None if bare else "it is empty"


def masked(url: str) -> str:
    """The URL with ``***`` for its password; just ``***`` when it cannot be read."""
    if complaint_about(url):
        return "***"
    parts = urlsplit(url)
    userinfo, at, address = parts.netloc.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    shown = f"{user}{':***' if colon else ''}{at}{address}"
    query = "?***" if parts.query else ""
    return f"{parts.scheme}://{shown}{parts.path}{query}"


def where(url: str) -> str:
    """``HOST:PORT`` of a URL, for a line that says which server is meant."""
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or 6379}"
