"""What a Lambda function is given. Sockudo's functions get the body as it is; pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sockq.workers.apps import FunctionTarget
from sockq.workers.endpoint import user_agent


def wrapped(body: bytes, function: FunctionTarget, proof: Mapping[str, str]) -> bytes:
    """The form of soketi: ``{"payload":…,"headers":{…}}``, the body's own bytes in it.

    Args:
        body: What is signed.
        function: For the webhook's own headers; they replace the standard ones.
        proof: The headers that nothing replaces.
    """
    own = dict(function.headers)
    replaced = {name.lower() for name in own}
    standard = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": user_agent(),
    }
    kept = {name: value for name, value in standard.items() if name.lower() not in replaced}
    headers = {**kept, **own, **proof}
    return b'{"payload":%b,"headers":%b}' % (body, msgspec.json.encode(headers))
