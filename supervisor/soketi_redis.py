"""Where soketi's Redis is: ``database.redis`` with the options of the queue's connection over it.

The options are those of ioredis, the client that soketi uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from sockq.drivers.settings import SentinelSettings, TlsSettings
from sockq.supervisor.redis_url import complaint_about_host, compose
from sockq.supervisor.settings_layers import Layers, shown

#: Option of ioredis to the setting it covers.
_COVERS: Final = {
    "host": "database.redis.host",
    "port": "database.redis.port",
    "db": "database.redis.db",
    "username": "database.redis.username",
    "password": "database.redis.password",
    "sentinels": "database.redis.sentinels",
    "sentinelPassword": "database.redis.sentinelPassword",
    "name": "database.redis.name",
}
_NUMBERS: Final = {"port": (1, 65_535), "db": (0, 65_535)}
_TIMES: Final = ("connectTimeout", "commandTimeout")
_MORE: Final = ("tls", "redisOptions", "sentinelUsername", *_TIMES)
#: What changes nothing about which queue is read.
_IDLE: Final = frozenset(
    {
        "keyPrefix", "maxRetriesPerRequest", "enableReadyCheck", "enableOfflineQueue", "keepAlive",
        "noDelay", "lazyConnect", "family", "connectionName", "showFriendlyErrorStack",
        "autoResubscribe", "autoResendUnfulfilledCommands", "scaleReads", "slotsRefreshTimeout",
        "enableAutoPipelining", "role",
    }
)  # fmt: skip
_TLS_FILES: Final = ("ca", "cert", "key", "pfx")
OPTIONS: Final = "queue.redis.redisOptions"


@dataclass(frozen=True, slots=True)
class SoketiRedis:
    """How to reach it.

    Attributes:
        url: Of the server, or of nothing that counts when there are Sentinels or nodes. Secret.
        nodes: URLs of a cluster's nodes; empty: no cluster. Secret.
        sentinel: The Sentinels, if any.
        connect_seconds: Bound of connecting; None: not said.
        response_seconds: Bound of one answer; None: not said.
        faults: One line each.
        warnings: One line each.
    """

    url: str = field(repr=False)
    nodes: tuple[str, ...] = field(repr=False)
    sentinel: SentinelSettings | None
    tls: TlsSettings
    connect_seconds: float | None
    response_seconds: float | None
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def soketi_redis(layers: Layers) -> SoketiRedis:
    """Put it together from the settings."""
    return _Reader(layers).read()


class _Reader:
    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._origin = layers.values[OPTIONS].origin
        self._faults: list[str] = []
        self._warnings: list[str] = []
        given = layers[OPTIONS]
        assert isinstance(given, Mapping)
        nested = given.get("redisOptions")
        if nested is not None and not isinstance(nested, Mapping):
            self._fault("redisOptions", "expected a table", nested)
        # In a cluster ioredis gives its nodes the nested ones only; here both reach them.
        self._options = dict(given) | (dict(nested) if isinstance(nested, Mapping) else {})

    def read(self) -> SoketiRedis:
        self._check_names()
        tls, encrypted = self._tls()
        nodes: tuple[str, ...] = ()
        if self._layers["queue.redis.clusterMode"] is True:
            listed = self._addresses("database.redis.clusterNodes", 6379)
            nodes = tuple(
                self._url(host, port, 0, self._own_access(index), encrypted=encrypted)
                for index, (host, port) in enumerate(listed)
            )
            if not nodes and not self._faults:
                self._faults.append(
                    "queue.redis.clusterMode is on and database.redis.clusterNodes is empty;"
                    ' set SOKETI_DB_REDIS_CLUSTER_NODES=[{"host":"…","port":6379}]'
                )
        sentinels = () if nodes else self._addresses("database.redis.sentinels", 26_379)
        url = self._url(
            str(self._text("host") or "127.0.0.1"),
            self._number("port"),
            self._number("db"),
            {},
            encrypted=encrypted,
        )
        return SoketiRedis(
            url,
            nodes,
            self._sentinel(sentinels) if sentinels else None,
            tls,
            self._seconds("connectTimeout"),
            self._seconds("commandTimeout"),
            tuple(self._faults),
            tuple(self._warnings),
        )

    def _fault(self, option: str, what: str, found: object = None) -> None:
        seen = "" if found is None else f", found {shown(found)}"
        self._faults.append(
            f"{OPTIONS}.{option} ({self._origin}): {what}{seen}; correct it or leave it out"
        )

    def _check_names(self) -> None:
        for name in self._options:
            if name == "path":
                self._fault(name, "Unix sockets are not read; give host and port")
            elif name not in _COVERS and name not in _MORE and name not in _IDLE:
                self._warnings.append(f"{OPTIONS}.{name} ({self._origin}) changes nothing here")

    def _value(self, name: str) -> object:
        given = self._options.get(name)
        return self._layers[_COVERS[name]] if given is None else given

    def _text(self, name: str) -> str | None:
        value = self._value(name)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            self._fault(name, "expected text")
            return None
        complaint = complaint_about_host(value) if name == "host" else None
        if complaint:
            self._fault(name, complaint)
            return None
        return value

    def _number(self, name: str) -> int:
        value, (low, high) = self._value(name), _NUMBERS[name]
        number = _whole(value)
        if number is not None and low <= number <= high:
            return number
        self._fault(name, f"expected a whole number from {low} to {high}", value)
        return low

    def _seconds(self, name: str) -> float | None:
        value = self._options.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 3_600_000:  # noqa: PLR2004 - one hour
            return value / 1000
        self._fault(name, "expected milliseconds from 1 to 3600000", value)
        return None

    def _url(
        self, host: str, port: int, db: int, own: Mapping[str, str], *, encrypted: bool
    ) -> str:
        user, password = own.get("username", self._text("username")), own.get("password")
        password = self._text("password") if password is None else password
        quoted = None if user is None else quote(user, safe="")
        return compose(host, port, db, quoted, password, tls=encrypted)

    def _tls(self) -> tuple[TlsSettings, bool]:
        given = self._options.get("tls")
        if given is None or given is False:
            return TlsSettings(), False
        if given is True or not isinstance(given, Mapping):
            if given is not True:
                self._fault("tls", "expected a table", given)
            return TlsSettings(), True
        for name in _TLS_FILES:
            if given.get(name) is not None:
                self._fault(
                    f"tls.{name}",
                    "certificates are not read from here; let the system trust the authority"
                    " (SSL_CERT_FILE names a file of them)",
                )
        verify = given.get("rejectUnauthorized") is not False
        if not verify:
            self._warnings.append(
                f"{OPTIONS}.tls.rejectUnauthorized: the certificate of Redis is not checked"
            )
        return TlsSettings(verify=verify), True

    def _entries(self, path: str) -> list[object]:
        name = path.rpartition(".")[2]
        given = self._options.get(name)
        value = self._layers[path] if given is None else given
        if isinstance(value, list | tuple):
            return list(value)
        self._fault(name, "expected a list", value)
        return []

    def _addresses(self, path: str, usual: int) -> tuple[tuple[str, int], ...]:
        found = []
        for index, entry in enumerate(self._entries(path)):
            address = _address(entry, usual)
            if address is None:
                self._faults.append(
                    f"{path}[{index}] ({self._layers.values[path].origin}): expected"
                    f' {{"host": "…", "port": {usual}}}; correct or remove it'
                )
            else:
                found.append(address)
        return tuple(found)

    def _own_access(self, index: int) -> dict[str, str]:
        """User and password that stand in the entry of a node."""
        entry = self._entries("database.redis.clusterNodes")[index]
        if not isinstance(entry, Mapping):
            return {}
        return {name: str(entry[name]) for name in ("username", "password") if entry.get(name)}

    def _sentinel(self, nodes: tuple[tuple[str, int], ...]) -> SentinelSettings:
        user = self._options.get("sentinelUsername")
        return SentinelSettings(
            nodes=nodes,
            master=self._text("name") or "mymaster",
            username=str(user) if user else None,
            password=self._text("sentinelPassword"),
        )


def _address(entry: object, usual: int) -> tuple[str, int] | None:
    if isinstance(entry, str):
        name, _, digits = entry.removeprefix("redis://").rpartition(":")
        entry = {"host": name, "port": digits}
    if not isinstance(entry, Mapping):
        return None
    host, port = entry.get("host"), _whole(entry.get("port", usual))
    if not isinstance(host, str) or complaint_about_host(host):
        return None
    low, high = _NUMBERS["port"]
    return None if port is None or not low <= port <= high else (host, port)


def _whole(value: object) -> int | None:
    """A number, also one in a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
