"""Which HTTP proxy stands between a worker and an endpoint, by the usual variables."""

from __future__ import annotations

import ipaddress
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import ada_url

from sockq.workers.endpoint import DEFAULT_PORTS, Endpoint


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy.

    Attributes:
        scheme: How to speak to the proxy itself: ``http`` or ``https``.
        host: Its name or address, IPv6 without brackets.
        port: Its port.
        authorization: Value of ``Proxy-Authorization``, or empty; secret.
    """

    scheme: str
    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def absolute(self, endpoint: Endpoint, request: bytes) -> bytes:
        """Turn a request for a plain ``http`` endpoint into the form a proxy forwards.

        Args:
            endpoint: Where the request goes.
            request: Head and body in origin form.

        Returns:
            The same with an absolute request target (RFC 9112 3.2.2) and the proxy's credentials.
        """
        line, _, rest = request.partition(b"\r\n")
        origin = f"{endpoint.scheme}://{endpoint.host_header}".encode()
        line = line.replace(b" ", b" " + origin, 1)
        if self.authorization:
            line += b"\r\nProxy-Authorization: " + self.authorization.encode()
        return line + b"\r\n" + rest


class Proxies:
    """The environment's proxies.

    Args:
        environ: Variables by name; by default those of the process (``HTTP_PROXY``,
            ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``, upper or lower case).
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        # Upper case first, so that lower case wins, as everywhere.
        self._by_scheme = {
            name.lower().removesuffix("_proxy"): environ[name]
            for name in sorted(environ)
            if name.lower().endswith("_proxy")
        }
        entries = self._by_scheme.pop("no", "").lower().split(",")
        self._direct = tuple(entry.strip() for entry in entries if entry.strip())

    @property
    def any_https(self) -> bool:
        """Whether some proxy is itself spoken to by TLS."""
        return any(url.lower().startswith("https:") for url in self._by_scheme.values())

    def for_endpoint(self, endpoint: Endpoint) -> Proxy | None:
        """Say which proxy to use.

        Returns:
            The proxy, or None for a direct connection.

        Raises:
            ValueError: The variable cannot be used. One line without the proxy's credentials.
        """
        url = self._by_scheme.get(endpoint.scheme) or self._by_scheme.get("all")
        if not url or self._bypassed(endpoint):
            return None
        variable = f"{endpoint.scheme.upper()}_PROXY"
        try:
            parsed = ada_url.URL(url if "://" in url else f"http://{url}")
        except (ValueError, UnicodeError):
            raise ValueError(f"{variable} is not a URL; write http://HOST:PORT") from None
        scheme = parsed.protocol[:-1]
        if scheme not in DEFAULT_PORTS or not parsed.hostname:
            raise ValueError(
                f"{variable}: {scheme[:20]!r} proxies do not work; use http://HOST:PORT"
            )
        if scheme == "https" and endpoint.scheme == "https":
            raise ValueError(
                f"{variable}: an https:// proxy cannot carry https endpoints; use http://HOST:PORT"
            )
        authorization = ""
        if parsed.username or parsed.password:
            plain = unquote_to_bytes(parsed.username) + b":" + unquote_to_bytes(parsed.password)
            authorization = f"Basic {b64encode(plain).decode()}"
        return Proxy(
            scheme=scheme,
            host=str(parsed.hostname).strip("[]"),
            port=int(parsed.port) if parsed.port else DEFAULT_PORTS[scheme],
            authorization=authorization,
        )

    def _bypassed(self, endpoint: Endpoint) -> bool:
        return any(_covers(entry, endpoint) for entry in self._direct)


def _covers(entry: str, endpoint: Endpoint) -> bool:
    """Whether an entry of ``NO_PROXY`` (name, ``.suffix``, address, network, ``*``) means it."""
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        if int(port) != endpoint.port:
            return False
        entry = name
    name = entry.strip("[]").removeprefix("*").removeprefix(".")
    if not name:
        return entry == "*"
    if endpoint.host == name or endpoint.host.endswith(f".{name}"):
        return True
    try:
        network = ipaddress.ip_network(name, strict=False)
        return ipaddress.ip_address(endpoint.host) in network
    except ValueError:
        return False
