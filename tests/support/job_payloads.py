"""Jobs of both servers with chosen parts, for tests of what is read of them."""

from __future__ import annotations

EVENT = '{"name":"channel_occupied","channel":"c"}'
SOKETI_PAYLOAD = (
    '{"time_ms":1700000000000,"events":[{"name":"client_event","channel":"c","data":%s}]}'
)


def job(time_ms: str = "1", events: str = f"[{EVENT}]", extra: str = "", key: str = '"k"') -> str:
    """A job as Sockudo writes it, of these JSON texts; ``extra`` goes behind its last field."""
    return (
        f'{{"app_key":{key},"app_id":"i","app_secret":"TOPSECRET","payload":'
        f'{{"time_ms":{time_ms},"events":{events}}},"original_signature":"o"{extra}}}'
    )


def soketi(data: str = "1", *, key: str = '"k"', proof: str = "p", space: str = "") -> bytes:
    """A job as soketi writes it: ``data`` and ``key`` are JSON texts."""
    payload = SOKETI_PAYLOAD % data
    return (
        f'{{"appKey":{space}{key},"appId":7,"payload":{space}{payload},'
        f'"originalPusherSignature":"{proof}"}}'
    ).encode()
