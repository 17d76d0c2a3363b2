"""A client of SQS is made without reading models again."""

from __future__ import annotations

import pytest
from botocore.loaders import JSONFileLoader
from support.sqs_server import SqsServer

from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_client import SqsClient


async def test_no_model_is_read_when_a_client_is_made(
    sqs_server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = JSONFileLoader.load_file

    def watched(self: JSONFileLoader, path: str) -> object:
        found = load(self, path)
        if found is not None:  # else it only looked whether there is one
            read.append(path)
        return found

    monkeypatch.setattr(JSONFileLoader, "load_file", watched)
    client = SqsClient(SqsSettings(endpoint_url=sqs_server.url))
    await client.open()
    client.close()
    assert read == []
